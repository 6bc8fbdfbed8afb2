"""A peer around the AWS Encryption SDK for Python: JSON lines in on stdin, answers on file descriptor 3 (see PROTOCOL.md)."""

import base64
import binascii
import importlib.metadata
import json
import logging
import os
import platform
import re
import statistics
import sys
import time

import aws_encryption_sdk
import boto3
from aws_cryptographic_material_providers.mpl import AwsCryptographicMaterialProviders
from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig
from aws_cryptographic_material_providers.mpl.models import (
    CreateAwsKmsDiscoveryKeyringInput,
    CreateAwsKmsKeyringInput,
    CreateAwsKmsMrkDiscoveryKeyringInput,
    CreateAwsKmsMrkKeyringInput,
    CreateDefaultCryptographicMaterialsManagerInput,
    CreateMultiKeyringInput,
    CreateRawAesKeyringInput,
    CreateRawEcdhKeyringInput,
    CreateRawRsaKeyringInput,
    CreateRequiredEncryptionContextCMMInput,
    DiscoveryFilter,
    EphemeralPrivateKeyToStaticPublicKeyInput,
    PublicKeyDiscoveryInput,
    RawEcdhStaticConfigurationsEphemeralPrivateKeyToStaticPublicKey,
    RawEcdhStaticConfigurationsPublicKeyDiscovery,
    RawEcdhStaticConfigurationsRawPrivateKeyToStaticPublicKey,
    RawPrivateKeyToStaticPublicKeyInput,
)
from aws_encryption_sdk.identifiers import Algorithm, CommitmentPolicy, EncryptionKeyType, WrappingAlgorithm
from aws_encryption_sdk.internal.crypto.wrapping_keys import WrappingKey
from aws_encryption_sdk.key_providers.raw import RawMasterKey
from cryptography.hazmat.primitives import serialization

SUITES = {f"{a.algorithm_id:04x}": a for a in Algorithm}
POLICIES = {
    "require-encrypt-require-decrypt": CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT,
    "require-encrypt-allow-decrypt": CommitmentPolicy.REQUIRE_ENCRYPT_ALLOW_DECRYPT,
    "forbid-encrypt-allow-decrypt": CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT,
}
PADDINGS = {
    "pkcs1": "PKCS1",
    "oaep-sha1": "OAEP_SHA1_MGF1",
    "oaep-sha256": "OAEP_SHA256_MGF1",
    "oaep-sha384": "OAEP_SHA384_MGF1",
    "oaep-sha512": "OAEP_SHA512_MGF1",
}
CURVES = {"p256": "ECC_NIST_P256", "p384": "ECC_NIST_P384", "p521": "ECC_NIST_P521"}
SCHEMAS = {"static": ("private_pem", "public_pem"), "ephemeral": ("public_pem",), "discovery": ("private_pem",)}
MODES = ("strict", "mrk", "discovery", "mrk-discovery")
PATHS = ("keyring", "master-key")

ENCRYPT = {"keyring", "suite", "frame_length", "plaintext_b64", "context", "required_context_keys", "commitment_policy",
           "max_edks", "path"}
DECRYPT = {"keyring", "ciphertext_b64", "required_context_keys", "reproduced_context", "commitment_policy", "max_edks", "path"}


class Failure(Exception):
    """An answer that is not ok; kind is one of PROTOCOL.md."""

    def __init__(self, kind, text):
        super().__init__(text)
        self.kind = kind


def field(obj, name, kind, default=None, required=False):
    """The member of obj, checked for its type."""
    if name not in obj:
        if required:
            raise Failure("request", f"{name} is missing")
        return default
    value = obj[name]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise Failure("request", f"{name} has the wrong type")
    return value


def only(obj, allowed, what):
    """Refuses members that are not allowed."""
    for name in obj:
        if name not in allowed:
            raise Failure("request", f"{what} has the unknown field {name!r}")


def chosen(obj, name, choices, default=None):
    value = field(obj, name, str, default, required=default is None)
    if value not in choices:
        raise Failure("request", f"{name} is not one of {', '.join(choices)}")
    return value


def b64(obj, name):
    try:
        return base64.b64decode(field(obj, name, str, required=True), validate=True)
    except (binascii.Error, ValueError):
        raise Failure("request", f"{name} is not base64") from None


def strings(obj, name):
    """An object whose values are strings; {} when absent."""
    value = field(obj, name, dict, {})
    if not all(isinstance(v, str) for v in value.values()):
        raise Failure("request", f"{name} has a value that is not a string")
    return value


def spki_der(pem):
    """The library wants public ECDH keys in DER and private ones in PEM."""
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except ValueError as e:
        raise Failure("request", f"public_pem: {type(e).__name__}") from None
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def library(kind, call, *args, **kwargs):
    """Runs a call into the library; what it raises becomes a failure of the kind."""
    try:
        return call(*args, **kwargs)
    except Exception as e:  # noqa: BLE001  the libraries raise classes without a common base
        raise Failure(kind, f"{type(e).__name__}: {e}") from e


def key_size(key):
    if len(key) not in (16, 24, 32):
        raise Failure("request", "a raw AES key has 16, 24 or 32 bytes")
    return len(key) * 8


class Peer:
    def __init__(self):
        self.providers = AwsCryptographicMaterialProviders(config=MaterialProvidersConfig())

    def keyring(self, d):
        if not isinstance(d, dict):
            raise Failure("request", "keyring is not an object")
        kind = field(d, "type", str, required=True)
        make = {"raw-aes": self.raw_aes, "raw-rsa": self.raw_rsa, "raw-ecdh": self.raw_ecdh, "aws-kms": self.aws_kms,
                "multi": self.multi}.get(kind)
        if make is None:
            raise Failure("unsupported", f"no keyring of type {kind!r}")
        return make(d)

    def raw_aes(self, d):
        only(d, {"type", "namespace", "name", "key_b64"}, "raw-aes")
        key = b64(d, "key_b64")
        return library("keyring", self.providers.create_raw_aes_keyring, CreateRawAesKeyringInput(
            key_namespace=field(d, "namespace", str, required=True), key_name=field(d, "name", str, required=True),
            wrapping_key=key, wrapping_alg=f"ALG_AES{key_size(key)}_GCM_IV12_TAG16"))

    def raw_rsa(self, d):
        only(d, {"type", "namespace", "name", "padding", "public_pem", "private_pem"}, "raw-rsa")
        halves = {}
        for ours, theirs in (("public_pem", "public_key"), ("private_pem", "private_key")):
            if ours in d:
                halves[theirs] = field(d, ours, str).encode()
        return library("keyring", self.providers.create_raw_rsa_keyring, CreateRawRsaKeyringInput(
            key_namespace=field(d, "namespace", str, required=True), key_name=field(d, "name", str, required=True),
            padding_scheme=PADDINGS[chosen(d, "padding", PADDINGS)], **halves))

    def raw_ecdh(self, d):
        curve, schema = CURVES[chosen(d, "curve", CURVES)], chosen(d, "schema", SCHEMAS)
        only(d, {"type", "curve", "schema", *SCHEMAS[schema]}, "raw-ecdh " + schema)
        keys = {name: field(d, name, str, required=True) for name in SCHEMAS[schema]}
        if schema == "static":
            scheme = RawEcdhStaticConfigurationsRawPrivateKeyToStaticPublicKey(RawPrivateKeyToStaticPublicKeyInput(
                sender_static_private_key=keys["private_pem"].encode(), recipient_public_key=spki_der(keys["public_pem"])))
        elif schema == "ephemeral":
            scheme = RawEcdhStaticConfigurationsEphemeralPrivateKeyToStaticPublicKey(EphemeralPrivateKeyToStaticPublicKeyInput(
                recipient_public_key=spki_der(keys["public_pem"])))
        else:
            scheme = RawEcdhStaticConfigurationsPublicKeyDiscovery(PublicKeyDiscoveryInput(
                recipient_static_private_key=keys["private_pem"].encode()))
        return library("keyring", self.providers.create_raw_ecdh_keyring,
                       CreateRawEcdhKeyringInput(curve_spec=curve, key_agreement_scheme=scheme))

    def aws_kms(self, d):
        """A keyring whose client talks to an emulator, which takes the access key for the account."""
        mode = chosen(d, "mode", MODES)
        names = ("endpoint", "region", "account") + (("key_id",) if mode in ("strict", "mrk") else ())
        only(d, {"type", "mode", *names}, "aws-kms " + mode)
        v = {name: field(d, name, str, required=True) for name in names}
        client = library("keyring", boto3.client, "kms", endpoint_url=v["endpoint"], region_name=v["region"],
                         aws_access_key_id=v["account"], aws_secret_access_key="peer")
        discovery = DiscoveryFilter(partition="aws", account_ids=[v["account"]])
        if mode == "strict":
            call, request = self.providers.create_aws_kms_keyring, CreateAwsKmsKeyringInput(kms_key_id=v["key_id"], kms_client=client)
        elif mode == "mrk":
            call, request = self.providers.create_aws_kms_mrk_keyring, CreateAwsKmsMrkKeyringInput(
                kms_key_id=v["key_id"], kms_client=client)
        elif mode == "discovery":
            call, request = self.providers.create_aws_kms_discovery_keyring, CreateAwsKmsDiscoveryKeyringInput(
                kms_client=client, discovery_filter=discovery)
        else:
            call, request = self.providers.create_aws_kms_mrk_discovery_keyring, CreateAwsKmsMrkDiscoveryKeyringInput(
                kms_client=client, discovery_filter=discovery, region=v["region"])
        return library("keyring", call, request)

    def multi(self, d):
        only(d, {"type", "generator", "children"}, "multi")
        generator = self.keyring(d["generator"]) if d.get("generator") is not None else None
        children = [self.keyring(c) for c in field(d, "children", list, [])]
        return library("keyring", self.providers.create_multi_keyring,
                       CreateMultiKeyringInput(generator=generator, child_keyrings=children))

    def master_key(self, d):
        """The older API: a raw AES master key."""
        if field(d, "type", str, required=True) != "raw-aes":
            raise Failure("unsupported", "the path master-key takes raw-aes only")
        only(d, {"type", "namespace", "name", "key_b64"}, "raw-aes")
        key = b64(d, "key_b64")
        algorithm = WrappingAlgorithm[f"AES_{key_size(key)}_GCM_IV12_TAG16_NO_PADDING"]
        return library("keyring", lambda: RawMasterKey(
            provider_id=field(d, "namespace", str, required=True), key_id=field(d, "name", str, required=True).encode(),
            wrapping_key=WrappingKey(wrapping_algorithm=algorithm, wrapping_key=key,
                                     wrapping_key_type=EncryptionKeyType.SYMMETRIC)))

    def client_and_keys(self, r):
        """The client and the keyword arguments that name the keys."""
        policy = POLICIES[chosen(r, "commitment_policy", POLICIES, "require-encrypt-require-decrypt")]
        client = library("keyring", aws_encryption_sdk.EncryptionSDKClient, commitment_policy=policy,
                         max_encrypted_data_keys=field(r, "max_edks", int))
        d = field(r, "keyring", dict, required=True)
        required = field(r, "required_context_keys", list)
        if required is not None and not all(isinstance(k, str) for k in required):
            raise Failure("request", "required_context_keys has a value that is not a string")
        if chosen(r, "path", PATHS, "keyring") == "master-key":
            if required is not None:
                raise Failure("unsupported", "the path master-key has no required-context manager")
            return client, {"key_provider": self.master_key(d)}
        keyring = self.keyring(d)
        if required is None:
            return client, {"keyring": keyring}
        # The required-context manager refuses a bare keyring.
        default = library("keyring", self.providers.create_default_cryptographic_materials_manager,
                          CreateDefaultCryptographicMaterialsManagerInput(keyring=keyring))
        return client, {"materials_manager": library(
            "keyring", self.providers.create_required_encryption_context_cmm,
            CreateRequiredEncryptionContextCMMInput(underlying_cmm=default, required_encryption_context_keys=required))}

    def encryption(self, r, allowed=ENCRYPT):
        """A function that encrypts as the request says."""
        only(r, allowed | {"id", "op"}, "the request")
        kwargs = {"source": b64(r, "plaintext_b64"), "encryption_context": strings(r, "context")}
        if "suite" in r:
            suite = field(r, "suite", str)
            if not re.fullmatch("[0-9a-fA-F]{4}", suite):
                raise Failure("request", "suite is not four hex digits")
            if suite.lower() not in SUITES:
                raise Failure("unsupported", f"no suite {suite}")
            kwargs["algorithm"] = SUITES[suite.lower()]
        if "frame_length" in r:
            kwargs["frame_length"] = field(r, "frame_length", int)
        client, keys = self.client_and_keys(r)
        return lambda: client.encrypt(**kwargs, **keys)

    def decryption(self, r, allowed=DECRYPT):
        """A function that decrypts as the request says."""
        only(r, allowed | {"id", "op"}, "the request")
        kwargs = {"source": b64(r, "ciphertext_b64")}
        client, keys = self.client_and_keys(r)
        if "reproduced_context" in r:
            if "key_provider" in keys:
                raise Failure("unsupported", "the path master-key has no reproduced context")
            kwargs["encryption_context"] = strings(r, "reproduced_context")
        return lambda: client.decrypt(**kwargs, **keys)

    def encrypt(self, r):
        ciphertext, header = library("refused", self.encryption(r))
        return {"ciphertext_b64": base64.b64encode(ciphertext).decode(), **described(header)}

    def decrypt(self, r):
        plaintext, header = library("refused", self.decryption(r))
        return {"plaintext_b64": base64.b64encode(plaintext).decode(), **described(header)}

    def bench(self, r):
        of = chosen(r, "of", ("encrypt", "decrypt"))
        counts = {"of", "warmup", "n"}
        warmup, n = field(r, "warmup", int, required=True), field(r, "n", int, required=True)
        if not (0 <= warmup <= 10_000_000 and 1 <= n <= 10_000_000):
            raise Failure("request", "warmup or n is out of range")
        run = self.encryption(r, ENCRYPT | counts) if of == "encrypt" else self.decryption(r, DECRYPT | counts)

        def measured():
            for _ in range(warmup):
                run()
            times, clock = [], time.perf_counter_ns
            for _ in range(n):
                start = clock()
                run()
                times.append(clock() - start)
            return times

        times = library("refused", measured)
        return {"n": n, "mean_ns": round(statistics.fmean(times)), "median_ns": round(statistics.median(times)), "min_ns": min(times)}

    def hello(self, r):
        only(r, {"id", "op"}, "the request")
        names = ("aws-encryption-sdk", "aws-cryptographic-material-providers", "cryptography")
        return {
            "peer": "python",
            "language": "Python " + platform.python_version(),
            "library": names[0],
            "versions": {n: importlib.metadata.version(n) for n in names},
            "capabilities": {
                "suites": sorted(SUITES),
                "keyrings": ["raw-aes", "raw-rsa", "raw-ecdh", "aws-kms", "multi"],
                "rsa_paddings": list(PADDINGS),
                "ecdh_curves": list(CURVES),
                "ecdh_schemas": list(SCHEMAS),
                "paths": list(PATHS),
                "writes_non_framed": True,
                "required_context": True,
                "reproduced_context": True,
                "max_edks": True,
            },
        }

    def answer(self, line):
        request_id = None
        try:
            try:
                r = json.loads(line)
            except (ValueError, RecursionError) as e:
                raise Failure("request", f"not JSON: {type(e).__name__}") from None
            if not isinstance(r, dict):
                raise Failure("request", "not an object")
            if isinstance(r.get("id"), (int, str)) and not isinstance(r.get("id"), bool):
                request_id = r["id"]
            op = {"hello": self.hello, "encrypt": self.encrypt, "decrypt": self.decrypt, "bench": self.bench}.get(
                field(r, "op", str, required=True))
            if op is None:
                raise Failure("request", "unknown op")
            return {"id": request_id, "ok": True, **op(r)}
        except Failure as e:
            return {"id": request_id, "ok": False, "error": {"kind": e.kind, "text": str(e)}}
        except Exception as e:  # noqa: BLE001  a request never ends the peer
            return {"id": request_id, "ok": False, "error": {"kind": "internal", "text": f"{type(e).__name__}: {e}"}}


def described(header):
    """What the library says about a message."""
    return {"suite": f"{header.algorithm.algorithm_id:04x}", "context": dict(header.encryption_context)}


def main():
    logging.disable(logging.CRITICAL)
    peer = Peer()
    with os.fdopen(3, "w", encoding="utf-8", errors="surrogatepass") as out:
        for line in sys.stdin.buffer:
            out.write(json.dumps(peer.answer(line)) + "\n")
            out.flush()


if __name__ == "__main__":
    main()
