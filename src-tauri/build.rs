//! Checks tauri.conf.json and the capabilities, and puts them into the program.

fn main() {
    let capabilities =
        tauri_build::Attributes::new().capabilities_path_pattern("./src-tauri/capabilities/**/*");
    tauri_build::try_build(capabilities).expect("tauri.conf.json and src-tauri/capabilities are valid");
}
