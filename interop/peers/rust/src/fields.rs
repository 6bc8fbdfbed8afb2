//! Members of a JSON object, read with a check of their type.

use crate::{bad, Failure};
use base64::prelude::{Engine, BASE64_STANDARD};
use serde_json::{Map, Value};
use std::collections::HashMap;

pub type Fields = Map<String, Value>;

/// Refuses members that are not named.
pub fn only(f: &Fields, names: &[&str]) -> Result<(), Failure> {
    match f.keys().find(|k| !names.contains(&k.as_str())) {
        Some(k) => Err(bad(format!("the unknown field {k:?}"))),
        None => Ok(()),
    }
}

pub fn raw<'a>(f: &'a Fields, name: &str) -> Result<&'a Value, Failure> {
    f.get(name).ok_or_else(|| bad(format!("{name} is missing")))
}

fn wrong(name: &str) -> Failure {
    bad(format!("{name} has the wrong type"))
}

pub fn text<'a>(f: &'a Fields, name: &str) -> Result<&'a str, Failure> {
    raw(f, name)?.as_str().ok_or_else(|| wrong(name))
}

pub fn integer(f: &Fields, name: &str) -> Result<i64, Failure> {
    raw(f, name)?.as_i64().ok_or_else(|| wrong(name))
}

pub fn object<'a>(f: &'a Fields, name: &str) -> Result<&'a Fields, Failure> {
    raw(f, name)?.as_object().ok_or_else(|| wrong(name))
}

pub fn bytes(f: &Fields, name: &str) -> Result<Vec<u8>, Failure> {
    BASE64_STANDARD
        .decode(text(f, name)?)
        .map_err(|_| bad(format!("{name} is not base64")))
}

/// An object of strings; empty when absent.
pub fn strings(f: &Fields, name: &str) -> Result<HashMap<String, String>, Failure> {
    if !f.contains_key(name) {
        return Ok(HashMap::new());
    }
    let mut out = HashMap::new();
    for (k, v) in object(f, name)? {
        let v = v
            .as_str()
            .ok_or_else(|| bad(format!("{name} has a value that is not a string")))?;
        out.insert(k.clone(), v.to_string());
    }
    Ok(out)
}

/// An array; empty when absent.
pub fn list<'a>(f: &'a Fields, name: &str) -> Result<&'a [Value], Failure> {
    match f.get(name) {
        None => Ok(&[]),
        Some(v) => Ok(v.as_array().ok_or_else(|| wrong(name))?),
    }
}
