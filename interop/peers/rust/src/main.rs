//! The peer around the AWS Encryption SDK for Rust: JSON lines in on standard input, answers on file descriptor 3 (see PROTOCOL.md).

mod fields;
mod keyrings;
mod operations;

use serde_json::{json, Map, Value};
use std::fs::File;
use std::io::{BufRead, Write};
use std::os::fd::FromRawFd;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// An answer that is not ok; kind is one of PROTOCOL.md.
#[derive(Debug)]
pub struct Failure {
    pub kind: &'static str,
    pub text: String,
}

/// A malformed request.
pub fn bad(text: impl Into<String>) -> Failure {
    Failure {
        kind: "request",
        text: text.into(),
    }
}

/// An error of the library.
pub fn from(kind: &'static str, e: impl std::fmt::Display) -> Failure {
    Failure {
        kind,
        text: e.to_string(),
    }
}

fn answer(runtime: &tokio::runtime::Runtime, line: &[u8]) -> Value {
    let mut id = Value::Null;
    let result = parse(line, &mut id).and_then(|fields| {
        // The library panics where it meets a broken invariant; a request never ends the peer.
        catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(operations::run(fields))
        }))
        .unwrap_or_else(|p| {
            Err(Failure {
                kind: "internal",
                text: format!("panic: {}", panic_text(&*p)),
            })
        })
    });
    match result {
        Ok(mut out) => {
            out.insert("id".into(), id);
            out.insert("ok".into(), true.into());
            Value::Object(out)
        }
        Err(f) => json!({"id": id, "ok": false, "error": {"kind": f.kind, "text": f.text}}),
    }
}

fn panic_text(p: &(dyn std::any::Any + Send)) -> &str {
    p.downcast_ref::<&str>()
        .copied()
        .or_else(|| p.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("unknown")
}

fn parse(line: &[u8], id: &mut Value) -> Result<Map<String, Value>, Failure> {
    let Ok(Value::Object(mut fields)) = serde_json::from_slice(line) else {
        return Err(bad("not a JSON object"));
    };
    if let Some(given) = fields.remove("id") {
        if given.is_string() || given.is_number() {
            *id = given;
        }
    }
    Ok(fields)
}

fn main() -> std::io::Result<()> {
    // SAFETY: whoever starts a peer hands it descriptor 3, and nothing else in this program uses it.
    let mut out = unsafe { File::from_raw_fd(3) };
    out.metadata()?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut input = std::io::stdin().lock();
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line)? > 0 {
        let mut text = answer(&runtime, &line).to_string();
        text.push('\n');
        out.write_all(text.as_bytes())?;
        line.clear();
    }
    Ok(())
}
