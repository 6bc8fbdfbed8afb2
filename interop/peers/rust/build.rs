//! Hands the locked versions of the libraries to the program, which tells them in its answer to hello.

use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-changed=Cargo.lock");
    let lock = fs::read_to_string("Cargo.lock").expect("Cargo.lock");
    for (name, variable) in [
        ("aws-esdk", "AWS_ESDK_VERSION"),
        ("aws-lc-rs", "AWS_LC_RS_VERSION"),
    ] {
        let version = lock
            .split("[[package]]")
            .find(|p| p.contains(&format!("name = \"{name}\"\n")))
            .and_then(|p| p.split("version = \"").nth(1))
            .and_then(|p| p.split('"').next())
            .expect(name);
        println!("cargo:rustc-env={variable}={version}");
    }
    let rustc = env::var("RUSTC").expect("RUSTC");
    let out = std::process::Command::new(rustc)
        .arg("--version")
        .output()
        .expect("rustc");
    let text = String::from_utf8_lossy(&out.stdout);
    println!(
        "cargo:rustc-env=RUSTC_VERSION={}",
        text.split(' ').nth(1).unwrap_or("unknown")
    );
}
