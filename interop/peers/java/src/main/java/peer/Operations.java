package peer;

import com.amazonaws.encryptionsdk.AwsCrypto;
import com.amazonaws.encryptionsdk.CommitmentPolicy;
import com.amazonaws.encryptionsdk.CryptoAlgorithm;
import com.amazonaws.encryptionsdk.CryptoResult;
import com.amazonaws.encryptionsdk.jce.JceMasterKey;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import software.amazon.cryptography.materialproviders.ICryptographicMaterialsManager;
import software.amazon.cryptography.materialproviders.IKeyring;
import software.amazon.cryptography.materialproviders.MaterialProviders;
import software.amazon.cryptography.materialproviders.model.CreateDefaultCryptographicMaterialsManagerInput;
import software.amazon.cryptography.materialproviders.model.CreateRequiredEncryptionContextCMMInput;
import software.amazon.cryptography.materialproviders.model.MaterialProvidersConfig;

/** The operations of PROTOCOL.md. */
final class Operations {
  private static final String[] ENCRYPT = {
    "id", "op", "keyring", "suite", "frame_length", "plaintext_b64", "context", "required_context_keys", "commitment_policy",
    "max_edks", "path",
  };
  private static final String[] DECRYPT = {
    "id", "op", "keyring", "ciphertext_b64", "required_context_keys", "reproduced_context", "commitment_policy", "max_edks", "path",
  };
  private static final Map<String, CommitmentPolicy> POLICIES =
      Map.of(
          "require-encrypt-require-decrypt", CommitmentPolicy.RequireEncryptRequireDecrypt,
          "require-encrypt-allow-decrypt", CommitmentPolicy.RequireEncryptAllowDecrypt,
          "forbid-encrypt-allow-decrypt", CommitmentPolicy.ForbidEncryptAllowDecrypt);
  private static final Map<String, CryptoAlgorithm> SUITES = suites();
  private static final int MOST = 10_000_000;

  private final MaterialProviders providers =
      MaterialProviders.builder().MaterialProvidersConfig(MaterialProvidersConfig.builder().build()).build();
  private final Keyrings keyrings = new Keyrings(providers);

  private static Map<String, CryptoAlgorithm> suites() {
    Map<String, CryptoAlgorithm> out = new TreeMap<>();
    for (CryptoAlgorithm a : CryptoAlgorithm.values()) {
      out.put(name(a), a);
    }
    return out;
  }

  private static String name(CryptoAlgorithm a) {
    return String.format("%04x", a.getValue() & 0xffff);
  }

  JsonObject run(Fields r) {
    switch (r.text("op")) {
      case "hello":
        r.only("id", "op");
        return hello();
      case "encrypt":
        return described(refusable(encryption(r)), "ciphertext_b64");
      case "decrypt":
        return described(refusable(decryption(r)), "plaintext_b64");
      case "bench":
        return bench(r);
      default:
        throw Failure.bad("unknown op");
    }
  }

  private static <T> T refusable(Supplier<T> call) {
    try {
      return call.get();
    } catch (RuntimeException e) {
      throw Failure.from("refused", e);
    }
  }

  private static JsonObject described(CryptoResult<byte[], ?> result, String field) {
    JsonObject out = new JsonObject();
    out.addProperty(field, Base64.getEncoder().encodeToString(result.getResult()));
    out.addProperty("suite", name(result.getCryptoAlgorithm()));
    JsonObject context = new JsonObject();
    result.getEncryptionContext().forEach(context::addProperty);
    out.add("context", context);
    return out;
  }

  /** The client's builder; whether the path is master-key is answered by masterKeyPath. */
  private AwsCrypto.Builder client(Fields r) {
    AwsCrypto.Builder b = AwsCrypto.builder();
    b.withCommitmentPolicy(
        r.has("commitment_policy") ? r.choice(POLICIES, "commitment_policy") : CommitmentPolicy.RequireEncryptRequireDecrypt);
    if (r.has("max_edks")) {
      int n = r.integer("max_edks");
      Keyrings.construct(() -> b.withMaxEncryptedDataKeys(n));
    }
    return b;
  }

  private static boolean masterKeyPath(Fields r) {
    String path = r.has("path") ? r.text("path") : "keyring";
    if (!path.equals("keyring") && !path.equals("master-key")) {
      throw Failure.bad("unknown path");
    }
    return path.equals("master-key");
  }

  /** The required-context manager that the request asks for, or null. */
  private ICryptographicMaterialsManager manager(Fields r, IKeyring keyring) {
    if (!r.has("required_context_keys")) {
      return null;
    }
    List<String> required = new ArrayList<>();
    for (JsonElement e : r.list("required_context_keys")) {
      if (!e.isJsonPrimitive() || !e.getAsJsonPrimitive().isString()) {
        throw Failure.bad("required_context_keys has a value that is not a string");
      }
      required.add(e.getAsString());
    }
    // The required-context manager refuses a bare keyring.
    return Keyrings.construct(
        () ->
            providers.CreateRequiredEncryptionContextCMM(
                CreateRequiredEncryptionContextCMMInput.builder()
                    .underlyingCMM(
                        providers.CreateDefaultCryptographicMaterialsManager(
                            CreateDefaultCryptographicMaterialsManagerInput.builder().keyring(keyring).build()))
                    .requiredEncryptionContextKeys(required)
                    .build()));
  }

  private Supplier<CryptoResult<byte[], ?>> encryption(Fields r, String... more) {
    r.only(join(ENCRYPT, more));
    byte[] plaintext = r.bytes("plaintext_b64");
    Map<String, String> context = r.strings("context");
    AwsCrypto.Builder b = client(r);
    if (r.has("suite")) {
      String suite = r.text("suite").toLowerCase();
      if (!suite.matches("[0-9a-f]{4}")) {
        throw Failure.bad("suite is not four hex digits");
      }
      if (!SUITES.containsKey(suite)) {
        throw new Failure("unsupported", "no suite " + suite);
      }
      b.withEncryptionAlgorithm(SUITES.get(suite));
    }
    if (r.has("frame_length")) {
      int n = r.integer("frame_length");
      refusable(() -> b.withEncryptionFrameSize(n));
    }
    // A suite that the policy forbids is refused here, when the client is built.
    if (masterKeyPath(r)) {
      noManager(r);
      JceMasterKey key = Keyrings.masterKey(r.raw("keyring"));
      AwsCrypto client = refusable(b::build);
      return () -> client.encryptData(key, plaintext, context);
    }
    IKeyring keyring = keyrings.keyring(r.raw("keyring"));
    ICryptographicMaterialsManager manager = manager(r, keyring);
    AwsCrypto client = refusable(b::build);
    if (manager != null) {
      return () -> client.encryptData(manager, plaintext, context);
    }
    return () -> client.encryptData(keyring, plaintext, context);
  }

  private Supplier<CryptoResult<byte[], ?>> decryption(Fields r, String... more) {
    r.only(join(DECRYPT, more));
    byte[] ciphertext = r.bytes("ciphertext_b64");
    Map<String, String> reproduced = r.strings("reproduced_context");
    AwsCrypto client = Keyrings.construct(client(r)::build);
    if (masterKeyPath(r)) {
      noManager(r);
      if (r.has("reproduced_context")) {
        throw new Failure("unsupported", "the path master-key has no reproduced context");
      }
      JceMasterKey key = Keyrings.masterKey(r.raw("keyring"));
      return () -> client.decryptData(key, ciphertext);
    }
    IKeyring keyring = keyrings.keyring(r.raw("keyring"));
    ICryptographicMaterialsManager manager = manager(r, keyring);
    if (manager != null) {
      return () -> client.decryptData(manager, ciphertext, reproduced);
    }
    if (r.has("reproduced_context")) {
      return () -> client.decryptData(keyring, ciphertext, reproduced);
    }
    return () -> client.decryptData(keyring, ciphertext);
  }

  private static void noManager(Fields r) {
    if (r.has("required_context_keys")) {
      throw new Failure("unsupported", "the path master-key has no required-context manager");
    }
  }

  private static String[] join(String[] a, String[] b) {
    String[] out = Arrays.copyOf(a, a.length + b.length);
    System.arraycopy(b, 0, out, a.length, b.length);
    return out;
  }

  private JsonObject bench(Fields r) {
    String of = r.text("of");
    int warmup = r.integer("warmup");
    int n = r.integer("n");
    if (warmup < 0 || warmup > MOST || n < 1 || n > MOST) {
      throw Failure.bad("warmup or n is out of range");
    }
    Supplier<CryptoResult<byte[], ?>> run;
    switch (of) {
      case "encrypt":
        run = encryption(r, "of", "warmup", "n");
        break;
      case "decrypt":
        run = decryption(r, "of", "warmup", "n");
        break;
      default:
        throw Failure.bad("unknown of");
    }
    long[] times = new long[n];
    refusable(
        () -> {
          for (int i = 0; i < warmup; i++) {
            run.get();
          }
          for (int i = 0; i < n; i++) {
            long start = System.nanoTime();
            run.get();
            times[i] = System.nanoTime() - start;
          }
          return null;
        });
    Arrays.sort(times);
    JsonObject out = new JsonObject();
    out.addProperty("n", n);
    out.addProperty("mean_ns", Arrays.stream(times).sum() / n);
    out.addProperty("median_ns", (times[(n - 1) / 2] + times[n / 2]) / 2);
    out.addProperty("min_ns", times[0]);
    return out;
  }

  private static JsonArray array(Iterable<String> values) {
    JsonArray a = new JsonArray();
    values.forEach(a::add);
    return a;
  }

  private JsonObject hello() {
    JsonObject versions = new JsonObject();
    for (String entry : System.getProperty("java.class.path").split(":")) {
      for (String name : new String[] {"aws-encryption-sdk-java", "aws-cryptographic-material-providers"}) {
        int at = entry.lastIndexOf("/" + name + "-");
        if (at >= 0 && entry.endsWith(".jar")) {
          versions.addProperty(name, entry.substring(at + name.length() + 2, entry.length() - 4));
        }
      }
    }
    JsonObject capabilities = new JsonObject();
    capabilities.add("suites", array(SUITES.keySet()));
    capabilities.add("keyrings", array(List.of("raw-aes", "raw-rsa", "raw-ecdh", "multi")));
    capabilities.add("rsa_paddings", array(Keyrings.PADDINGS.keySet()));
    capabilities.add("ecdh_curves", array(Keyrings.CURVES.keySet()));
    capabilities.add("ecdh_schemas", array(Keyrings.SCHEMAS));
    capabilities.add("paths", array(List.of("keyring", "master-key")));
    capabilities.addProperty("writes_non_framed", true);
    capabilities.addProperty("required_context", true);
    capabilities.addProperty("reproduced_context", true);
    capabilities.addProperty("max_edks", true);
    JsonObject out = new JsonObject();
    out.addProperty("peer", "java");
    out.addProperty("language", "Java " + System.getProperty("java.version"));
    out.addProperty("library", "aws-encryption-sdk-java");
    out.add("versions", versions);
    out.add("capabilities", capabilities);
    return out;
  }
}
