//! Tells cargo what is built into the server beside its code.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
    // A debug build reads the page for guests when it is asked for.
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!("cargo::rerun-if-changed=../../ui/dist-guest");
    }
}
