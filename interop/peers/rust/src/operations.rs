//! The operations of PROTOCOL.md.

use crate::fields::{bytes, integer, list, only, raw, strings, text, Fields};
use crate::keyrings::keyring;
use crate::{bad, from, Failure};
use aws_esdk::client::Client;
use aws_esdk::material_providers;
use aws_esdk::material_providers::types::cryptographic_materials_manager::CryptographicMaterialsManagerRef;
use aws_esdk::material_providers::types::keyring::KeyringRef;
use aws_esdk::material_providers::types::material_providers_config::MaterialProvidersConfig;
use aws_esdk::material_providers::types::{
    EsdkAlgorithmSuiteId as Suite, EsdkCommitmentPolicy as Policy,
};
use aws_esdk::AwsEncryptionSdkConfig;
use base64::prelude::{Engine, BASE64_STANDARD};
use serde_json::{json, Map, Value};
use std::collections::HashMap;
use std::time::Instant;

const SUITES: [(&str, Suite); 11] = [
    ("0014", Suite::AlgAes128GcmIv12Tag16NoKdf),
    ("0046", Suite::AlgAes192GcmIv12Tag16NoKdf),
    ("0078", Suite::AlgAes256GcmIv12Tag16NoKdf),
    ("0114", Suite::AlgAes128GcmIv12Tag16HkdfSha256),
    ("0146", Suite::AlgAes192GcmIv12Tag16HkdfSha256),
    ("0178", Suite::AlgAes256GcmIv12Tag16HkdfSha256),
    ("0214", Suite::AlgAes128GcmIv12Tag16HkdfSha256EcdsaP256),
    ("0346", Suite::AlgAes192GcmIv12Tag16HkdfSha384EcdsaP384),
    ("0378", Suite::AlgAes256GcmIv12Tag16HkdfSha384EcdsaP384),
    ("0478", Suite::AlgAes256GcmHkdfSha512CommitKey),
    ("0578", Suite::AlgAes256GcmHkdfSha512CommitKeyEcdsaP384),
];
const ENCRYPT: &[&str] = &[
    "keyring",
    "suite",
    "frame_length",
    "plaintext_b64",
    "context",
    "required_context_keys",
    "commitment_policy",
    "max_edks",
    "path",
];
const DECRYPT: &[&str] = &[
    "keyring",
    "ciphertext_b64",
    "required_context_keys",
    "reproduced_context",
    "commitment_policy",
    "max_edks",
    "path",
];

type Answer = Map<String, Value>;

/// Runs a request.
pub async fn run(mut f: Fields) -> Result<Answer, Failure> {
    let op = text(&f, "op")?.to_string();
    f.remove("op");
    match op.as_str() {
        "hello" => {
            only(&f, &[])?;
            Ok(hello())
        }
        "encrypt" => {
            let (bytes, suite, context) = Encryption::new(&f).await?.run().await?;
            Ok(described("ciphertext_b64", &bytes, suite, context))
        }
        "decrypt" => {
            let (bytes, suite, context) = Decryption::new(&f).await?.run().await?;
            Ok(described("plaintext_b64", &bytes, suite, context))
        }
        "bench" => bench(f).await,
        _ => Err(bad("unknown op")),
    }
}

fn described(
    field: &str,
    bytes: &[u8],
    suite: Option<Suite>,
    context: Option<HashMap<String, String>>,
) -> Answer {
    let name = SUITES
        .iter()
        .find(|(_, s)| Some(*s) == suite)
        .map(|(n, _)| *n);
    let out = json!({field: BASE64_STANDARD.encode(bytes), "suite": name, "context": context.unwrap_or_default()});
    match out {
        Value::Object(m) => m,
        _ => unreachable!("json! of an object is an object"),
    }
}

/// A client and the keys that a request names: a keyring, or a required-context manager over one.
struct Session {
    client: Client,
    keyring: Option<KeyringRef>,
    manager: Option<CryptographicMaterialsManagerRef>,
}

impl Session {
    async fn new(f: &Fields) -> Result<Self, Failure> {
        let policy = match f.get("commitment_policy") {
            None => Policy::RequireEncryptRequireDecrypt,
            Some(_) => match text(f, "commitment_policy")? {
                "require-encrypt-require-decrypt" => Policy::RequireEncryptRequireDecrypt,
                "require-encrypt-allow-decrypt" => Policy::RequireEncryptAllowDecrypt,
                "forbid-encrypt-allow-decrypt" => Policy::ForbidEncryptAllowDecrypt,
                _ => return Err(bad("unknown commitment_policy")),
            },
        };
        let mut config = AwsEncryptionSdkConfig::builder().commitment_policy(policy);
        if f.contains_key("max_edks") {
            config = config.max_encrypted_data_keys(integer(f, "max_edks")?);
        }
        if f.contains_key("path") {
            match text(f, "path")? {
                "keyring" => {}
                "master-key" => {
                    return Err(Failure {
                        kind: "unsupported",
                        text: "there is no path master-key".into(),
                    })
                }
                _ => return Err(bad("unknown path")),
            }
        }
        let client = Client::from_conf(config.build().map_err(|e| from("keyring", e))?)
            .map_err(|e| from("keyring", e))?;
        let providers = MaterialProvidersConfig::builder()
            .build()
            .map_err(|e| from("keyring", e))?;
        let providers = material_providers::client::Client::from_conf(providers)
            .map_err(|e| from("keyring", e))?;
        let keyring = keyring(&providers, raw(f, "keyring")?).await?;
        if !f.contains_key("required_context_keys") {
            return Ok(Session {
                client,
                keyring: Some(keyring),
                manager: None,
            });
        }
        let mut required = Vec::new();
        for k in list(f, "required_context_keys")? {
            required.push(
                k.as_str()
                    .ok_or_else(|| bad("required_context_keys has a value that is not a string"))?
                    .to_string(),
            );
        }
        let manager = providers
            .create_default_cryptographic_materials_manager()
            .keyring(keyring)
            .send()
            .await
            .map_err(|e| from("keyring", e))?;
        let manager = providers
            .create_required_encryption_context_cmm()
            .underlying_cmm(manager)
            .required_encryption_context_keys(required)
            .send()
            .await
            .map_err(|e| from("keyring", e))?;
        Ok(Session {
            client,
            keyring: None,
            manager: Some(manager),
        })
    }
}

type Outcome = (Vec<u8>, Option<Suite>, Option<HashMap<String, String>>);

struct Encryption {
    session: Session,
    plaintext: Vec<u8>,
    context: HashMap<String, String>,
    suite: Option<Suite>,
    frame_length: Option<i64>,
}

impl Encryption {
    async fn new(f: &Fields) -> Result<Self, Failure> {
        only(f, ENCRYPT)?;
        let suite = match f.get("suite") {
            None => None,
            Some(_) => {
                let name = text(f, "suite")?.to_ascii_lowercase();
                if name.len() != 4 || !name.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return Err(bad("suite is not four hex digits"));
                }
                match SUITES.iter().find(|(n, _)| *n == name) {
                    Some((_, s)) => Some(*s),
                    None => {
                        return Err(Failure {
                            kind: "unsupported",
                            text: format!("no suite {name}"),
                        })
                    }
                }
            }
        };
        let frame_length = if f.contains_key("frame_length") {
            Some(integer(f, "frame_length")?)
        } else {
            None
        };
        Ok(Encryption {
            plaintext: bytes(f, "plaintext_b64")?,
            context: strings(f, "context")?,
            suite,
            frame_length,
            session: Session::new(f).await?,
        })
    }

    async fn run(&self) -> Result<Outcome, Failure> {
        let out = self
            .session
            .client
            .encrypt()
            .plaintext(self.plaintext.clone())
            .encryption_context(self.context.clone())
            .set_algorithm_suite_id(self.suite)
            .set_frame_length(self.frame_length)
            .set_keyring(self.session.keyring.clone())
            .set_materials_manager(self.session.manager.clone())
            .send()
            .await
            .map_err(|e| from("refused", e))?;
        Ok((
            out.ciphertext.map(|b| b.into_inner()).unwrap_or_default(),
            out.algorithm_suite_id,
            out.encryption_context,
        ))
    }
}

struct Decryption {
    session: Session,
    ciphertext: Vec<u8>,
    reproduced: Option<HashMap<String, String>>,
}

impl Decryption {
    async fn new(f: &Fields) -> Result<Self, Failure> {
        only(f, DECRYPT)?;
        let reproduced = if f.contains_key("reproduced_context") {
            Some(strings(f, "reproduced_context")?)
        } else {
            None
        };
        Ok(Decryption {
            ciphertext: bytes(f, "ciphertext_b64")?,
            reproduced,
            session: Session::new(f).await?,
        })
    }

    async fn run(&self) -> Result<Outcome, Failure> {
        let out = self
            .session
            .client
            .decrypt()
            .ciphertext(self.ciphertext.clone())
            .set_encryption_context(self.reproduced.clone())
            .set_keyring(self.session.keyring.clone())
            .set_materials_manager(self.session.manager.clone())
            .send()
            .await
            .map_err(|e| from("refused", e))?;
        Ok((
            out.plaintext.map(|b| b.into_inner()).unwrap_or_default(),
            out.algorithm_suite_id,
            out.encryption_context,
        ))
    }
}

enum Operation {
    Encrypt(Encryption),
    Decrypt(Decryption),
}

async fn bench(mut f: Fields) -> Result<Answer, Failure> {
    let of = text(&f, "of")?.to_string();
    let (warmup, n) = (integer(&f, "warmup")?, integer(&f, "n")?);
    if !(0..=10_000_000).contains(&warmup) || !(1..=10_000_000).contains(&n) {
        return Err(bad("warmup or n is out of range"));
    }
    for name in ["of", "warmup", "n"] {
        f.remove(name);
    }
    let operation = match of.as_str() {
        "encrypt" => Operation::Encrypt(Encryption::new(&f).await?),
        "decrypt" => Operation::Decrypt(Decryption::new(&f).await?),
        _ => return Err(bad("unknown of")),
    };
    let mut times = Vec::with_capacity(n as usize);
    for i in 0..warmup + n {
        let start = Instant::now();
        match &operation {
            Operation::Encrypt(e) => drop(e.run().await?),
            Operation::Decrypt(d) => drop(d.run().await?),
        }
        if i >= warmup {
            times.push(start.elapsed().as_nanos() as u64);
        }
    }
    times.sort_unstable();
    let len = times.len();
    let mut out = Answer::new();
    out.insert("n".into(), n.into());
    out.insert(
        "mean_ns".into(),
        (times.iter().sum::<u64>() / len as u64).into(),
    );
    out.insert(
        "median_ns".into(),
        ((times[(len - 1) / 2] + times[len / 2]) / 2).into(),
    );
    out.insert("min_ns".into(), times[0].into());
    Ok(out)
}

fn hello() -> Answer {
    let out = json!({
        "peer": "rust",
        "language": format!("Rust {}", env!("RUSTC_VERSION")),
        "library": "aws-esdk",
        "versions": {"aws-esdk": env!("AWS_ESDK_VERSION"), "aws-lc-rs": env!("AWS_LC_RS_VERSION")},
        "capabilities": {
            "suites": SUITES.map(|(name, _)| name),
            "keyrings": ["raw-aes", "raw-rsa", "raw-ecdh", "multi"],
            "rsa_paddings": ["pkcs1", "oaep-sha1", "oaep-sha256", "oaep-sha384", "oaep-sha512"],
            "ecdh_curves": ["p256", "p384", "p521"],
            "ecdh_schemas": ["static", "ephemeral", "discovery"],
            "paths": ["keyring"],
            "writes_non_framed": false,
            "required_context": true,
            "reproduced_context": true,
            "max_edks": true,
        },
    });
    match out {
        Value::Object(m) => m,
        _ => unreachable!("json! of an object is an object"),
    }
}
