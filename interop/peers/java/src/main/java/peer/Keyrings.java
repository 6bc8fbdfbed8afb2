package peer;

import com.amazonaws.encryptionsdk.jce.JceMasterKey;
import com.google.gson.JsonElement;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import javax.crypto.spec.SecretKeySpec;
import software.amazon.cryptography.materialproviders.IKeyring;
import software.amazon.cryptography.materialproviders.MaterialProviders;
import software.amazon.cryptography.materialproviders.model.AesWrappingAlg;
import software.amazon.cryptography.materialproviders.model.CreateMultiKeyringInput;
import software.amazon.cryptography.materialproviders.model.CreateRawAesKeyringInput;
import software.amazon.cryptography.materialproviders.model.CreateRawEcdhKeyringInput;
import software.amazon.cryptography.materialproviders.model.CreateRawRsaKeyringInput;
import software.amazon.cryptography.materialproviders.model.EphemeralPrivateKeyToStaticPublicKeyInput;
import software.amazon.cryptography.materialproviders.model.PaddingScheme;
import software.amazon.cryptography.materialproviders.model.PublicKeyDiscoveryInput;
import software.amazon.cryptography.materialproviders.model.RawEcdhStaticConfigurations;
import software.amazon.cryptography.materialproviders.model.RawPrivateKeyToStaticPublicKeyInput;
import software.amazon.cryptography.primitives.model.ECDHCurveSpec;

/** Makes the keyrings and master keys that requests describe. */
final class Keyrings {
  static final Map<String, PaddingScheme> PADDINGS = new LinkedHashMap<>();
  static final Map<String, ECDHCurveSpec> CURVES = new LinkedHashMap<>();
  static final List<String> SCHEMAS = List.of("static", "ephemeral", "discovery");

  static {
    PADDINGS.put("pkcs1", PaddingScheme.PKCS1);
    PADDINGS.put("oaep-sha1", PaddingScheme.OAEP_SHA1_MGF1);
    PADDINGS.put("oaep-sha256", PaddingScheme.OAEP_SHA256_MGF1);
    PADDINGS.put("oaep-sha384", PaddingScheme.OAEP_SHA384_MGF1);
    PADDINGS.put("oaep-sha512", PaddingScheme.OAEP_SHA512_MGF1);
    CURVES.put("p256", ECDHCurveSpec.ECC_NIST_P256);
    CURVES.put("p384", ECDHCurveSpec.ECC_NIST_P384);
    CURVES.put("p521", ECDHCurveSpec.ECC_NIST_P521);
  }

  private final MaterialProviders providers;

  Keyrings(MaterialProviders providers) {
    this.providers = providers;
  }

  /** Runs a call into the library that makes something. */
  static <T> T construct(Supplier<T> call) {
    try {
      return call.get();
    } catch (RuntimeException e) {
      throw Failure.from("keyring", e);
    }
  }

  IKeyring keyring(JsonElement e) {
    Fields d = new Fields(e, "keyring");
    switch (d.text("type")) {
      case "raw-aes":
        return rawAes(d);
      case "raw-rsa":
        return rawRsa(d);
      case "raw-ecdh":
        return rawEcdh(d);
      case "multi":
        return multi(d);
      default:
        throw new Failure("unsupported", "no keyring of type " + d.text("type"));
    }
  }

  private static byte[] aesKey(Fields d) {
    d.only("type", "namespace", "name", "key_b64");
    byte[] key = d.bytes("key_b64");
    if (key.length != 16 && key.length != 24 && key.length != 32) {
      throw Failure.bad("a raw AES key has 16, 24 or 32 bytes");
    }
    return key;
  }

  private IKeyring rawAes(Fields d) {
    byte[] key = aesKey(d);
    AesWrappingAlg alg =
        key.length == 16
            ? AesWrappingAlg.ALG_AES128_GCM_IV12_TAG16
            : key.length == 24 ? AesWrappingAlg.ALG_AES192_GCM_IV12_TAG16 : AesWrappingAlg.ALG_AES256_GCM_IV12_TAG16;
    String namespace = d.text("namespace");
    String name = d.text("name");
    return construct(
        () ->
            providers.CreateRawAesKeyring(
                CreateRawAesKeyringInput.builder()
                    .keyNamespace(namespace)
                    .keyName(name)
                    .wrappingKey(ByteBuffer.wrap(key))
                    .wrappingAlg(alg)
                    .build()));
  }

  private IKeyring rawRsa(Fields d) {
    d.only("type", "namespace", "name", "padding", "public_pem", "private_pem");
    CreateRawRsaKeyringInput.Builder b =
        CreateRawRsaKeyringInput.builder()
            .keyNamespace(d.text("namespace"))
            .keyName(d.text("name"))
            .paddingScheme(d.choice(PADDINGS, "padding"));
    if (d.has("public_pem")) {
      b.publicKey(utf8(d.text("public_pem")));
    }
    if (d.has("private_pem")) {
      b.privateKey(utf8(d.text("private_pem")));
    }
    return construct(() -> providers.CreateRawRsaKeyring(b.build()));
  }

  private IKeyring rawEcdh(Fields d) {
    ECDHCurveSpec curve = d.choice(CURVES, "curve");
    RawEcdhStaticConfigurations.Builder scheme = RawEcdhStaticConfigurations.builder();
    switch (d.text("schema")) {
      case "static":
        d.only("type", "curve", "schema", "private_pem", "public_pem");
        scheme.RawPrivateKeyToStaticPublicKey(
            RawPrivateKeyToStaticPublicKeyInput.builder()
                .senderStaticPrivateKey(utf8(d.text("private_pem")))
                .recipientPublicKey(publicDer(d))
                .build());
        break;
      case "ephemeral":
        d.only("type", "curve", "schema", "public_pem");
        scheme.EphemeralPrivateKeyToStaticPublicKey(
            EphemeralPrivateKeyToStaticPublicKeyInput.builder().recipientPublicKey(publicDer(d)).build());
        break;
      case "discovery":
        d.only("type", "curve", "schema", "private_pem");
        scheme.PublicKeyDiscovery(
            PublicKeyDiscoveryInput.builder().recipientStaticPrivateKey(utf8(d.text("private_pem"))).build());
        break;
      default:
        throw Failure.bad("unknown schema");
    }
    return construct(
        () ->
            providers.CreateRawEcdhKeyring(
                CreateRawEcdhKeyringInput.builder().curveSpec(curve).KeyAgreementScheme(scheme.build()).build()));
  }

  private IKeyring multi(Fields d) {
    d.only("type", "generator", "children");
    CreateMultiKeyringInput.Builder b = CreateMultiKeyringInput.builder();
    if (d.has("generator")) {
      b.generator(keyring(d.raw("generator")));
    }
    List<IKeyring> children = new ArrayList<>();
    for (JsonElement c : d.list("children")) {
      children.add(keyring(c));
    }
    b.childKeyrings(children);
    return construct(() -> providers.CreateMultiKeyring(b.build()));
  }

  /** The older API: a raw AES master key. */
  static JceMasterKey masterKey(JsonElement e) {
    Fields d = new Fields(e, "keyring");
    if (!d.text("type").equals("raw-aes")) {
      throw new Failure("unsupported", "the path master-key takes raw-aes only");
    }
    byte[] key = aesKey(d);
    String namespace = d.text("namespace");
    String name = d.text("name");
    return construct(
        () -> JceMasterKey.getInstance(new SecretKeySpec(key, "AES"), namespace, name, "AES/GCM/NoPadding"));
  }

  private static ByteBuffer utf8(String s) {
    return ByteBuffer.wrap(s.getBytes(StandardCharsets.UTF_8));
  }

  /** Reads public_pem: the library wants public ECDH keys in DER and private ones in PEM. */
  private static ByteBuffer publicDer(Fields d) {
    String body = d.text("public_pem").replaceAll("-----(BEGIN|END) PUBLIC KEY-----", "");
    try {
      return ByteBuffer.wrap(Base64.getMimeDecoder().decode(body));
    } catch (IllegalArgumentException e) {
      throw Failure.bad("public_pem is not PEM");
    }
  }
}
