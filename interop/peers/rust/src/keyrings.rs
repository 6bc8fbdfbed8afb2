//! Makes the keyrings that requests describe.

use crate::fields::{bytes, list, only, text, Fields};
use crate::{bad, from, Failure};
use aws_esdk::aws_cryptography_primitives::types::EcdhCurveSpec;
use aws_esdk::material_providers::client::Client;
use aws_esdk::material_providers::types::keyring::KeyringRef;
use aws_esdk::material_providers::types::{
    AesWrappingAlg, EphemeralPrivateKeyToStaticPublicKeyInput, PaddingScheme,
    PublicKeyDiscoveryInput, RawEcdhStaticConfigurations, RawPrivateKeyToStaticPublicKeyInput,
};
use serde_json::Value;
use std::future::Future;
use std::pin::Pin;

/// The keyring that a description asks for.
pub fn keyring<'a>(
    p: &'a Client,
    d: &'a Value,
) -> Pin<Box<dyn Future<Output = Result<KeyringRef, Failure>> + 'a>> {
    Box::pin(async move {
        let d = d
            .as_object()
            .ok_or_else(|| bad("keyring is not an object"))?;
        match text(d, "type")? {
            "raw-aes" => raw_aes(p, d).await,
            "raw-rsa" => raw_rsa(p, d).await,
            "raw-ecdh" => raw_ecdh(p, d).await,
            "multi" => multi(p, d).await,
            t => Err(Failure {
                kind: "unsupported",
                text: format!("no keyring of type {t:?}"),
            }),
        }
    })
}

async fn raw_aes(p: &Client, d: &Fields) -> Result<KeyringRef, Failure> {
    only(d, &["type", "namespace", "name", "key_b64"])?;
    let key = bytes(d, "key_b64")?;
    let alg = match key.len() {
        16 => AesWrappingAlg::AlgAes128GcmIv12Tag16,
        24 => AesWrappingAlg::AlgAes192GcmIv12Tag16,
        32 => AesWrappingAlg::AlgAes256GcmIv12Tag16,
        _ => return Err(bad("a raw AES key has 16, 24 or 32 bytes")),
    };
    p.create_raw_aes_keyring()
        .key_namespace(text(d, "namespace")?)
        .key_name(text(d, "name")?)
        .wrapping_key(key)
        .wrapping_alg(alg)
        .send()
        .await
        .map_err(|e| from("keyring", e))
}

async fn raw_rsa(p: &Client, d: &Fields) -> Result<KeyringRef, Failure> {
    only(
        d,
        &[
            "type",
            "namespace",
            "name",
            "padding",
            "public_pem",
            "private_pem",
        ],
    )?;
    let padding = match text(d, "padding")? {
        "pkcs1" => PaddingScheme::Pkcs1,
        "oaep-sha1" => PaddingScheme::OaepSha1Mgf1,
        "oaep-sha256" => PaddingScheme::OaepSha256Mgf1,
        "oaep-sha384" => PaddingScheme::OaepSha384Mgf1,
        "oaep-sha512" => PaddingScheme::OaepSha512Mgf1,
        _ => return Err(bad("unknown padding")),
    };
    let mut b = p
        .create_raw_rsa_keyring()
        .key_namespace(text(d, "namespace")?)
        .key_name(text(d, "name")?)
        .padding_scheme(padding);
    if d.contains_key("public_pem") {
        b = b.public_key(text(d, "public_pem")?.as_bytes().to_vec());
    }
    if d.contains_key("private_pem") {
        b = b.private_key(text(d, "private_pem")?.as_bytes().to_vec());
    }
    b.send().await.map_err(|e| from("keyring", e))
}

async fn raw_ecdh(p: &Client, d: &Fields) -> Result<KeyringRef, Failure> {
    let curve = match text(d, "curve")? {
        "p256" => EcdhCurveSpec::EccNistP256,
        "p384" => EcdhCurveSpec::EccNistP384,
        "p521" => EcdhCurveSpec::EccNistP521,
        _ => return Err(bad("unknown curve")),
    };
    let schema = match text(d, "schema")? {
        "static" => {
            only(d, &["type", "curve", "schema", "private_pem", "public_pem"])?;
            RawPrivateKeyToStaticPublicKeyInput::builder()
                .sender_static_private_key(text(d, "private_pem")?.as_bytes().to_vec())
                .recipient_public_key(public_der(d)?)
                .build()
                .map(RawEcdhStaticConfigurations::RawPrivateKeyToStaticPublicKey)
        }
        "ephemeral" => {
            only(d, &["type", "curve", "schema", "public_pem"])?;
            EphemeralPrivateKeyToStaticPublicKeyInput::builder()
                .recipient_public_key(public_der(d)?)
                .build()
                .map(RawEcdhStaticConfigurations::EphemeralPrivateKeyToStaticPublicKey)
        }
        "discovery" => {
            only(d, &["type", "curve", "schema", "private_pem"])?;
            PublicKeyDiscoveryInput::builder()
                .recipient_static_private_key(text(d, "private_pem")?.as_bytes().to_vec())
                .build()
                .map(RawEcdhStaticConfigurations::PublicKeyDiscovery)
        }
        _ => return Err(bad("unknown schema")),
    }
    .map_err(|e| from("keyring", e))?;
    p.create_raw_ecdh_keyring()
        .curve_spec(curve)
        .key_agreement_scheme(schema)
        .send()
        .await
        .map_err(|e| from("keyring", e))
}

/// Reads public_pem: the library wants public ECDH keys in DER and private ones in PEM.
fn public_der(d: &Fields) -> Result<Vec<u8>, Failure> {
    Ok(pem::parse(text(d, "public_pem")?)
        .map_err(|_| bad("public_pem is not PEM"))?
        .into_contents())
}

async fn multi(p: &Client, d: &Fields) -> Result<KeyringRef, Failure> {
    only(d, &["type", "generator", "children"])?;
    let mut b = p.create_multi_keyring();
    if let Some(g) = d.get("generator").filter(|g| !g.is_null()) {
        b = b.generator(keyring(p, g).await?);
    }
    let mut children = Vec::new();
    for c in list(d, "children")? {
        children.push(keyring(p, c).await?);
    }
    b.child_keyrings(children)
        .send()
        .await
        .map_err(|e| from("keyring", e))
}
