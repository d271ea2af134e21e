//! Commands as the webview calls them: through Tauri's own reading of arguments, in a mock window.

#![allow(clippy::unwrap_used)]

use crate::launch::{Launch, Profile};
use serde_json::{Value, json};
use snug_client::{Client, Updates};
use tauri::WebviewWindow;
use tauri::async_runtime::block_on;
use tauri::ipc::{CallbackFn, InvokeBody};
use tauri::test::{INVOKE_KEY, MockRuntime, get_ipc_response, mock_builder, mock_context, noop_assets};
use tauri::webview::InvokeRequest;
use tauri::{App, Manager};

/// An app of its own, with its window and its data.
struct Shell {
    window: WebviewWindow<MockRuntime>,
    app: App<MockRuntime>,
    _updates: Updates,
    _home: tempfile::TempDir,
}

impl Shell {
    fn open() -> Shell {
        let home = tempfile::tempdir().unwrap();
        let profile = Profile::open(home.path().join("profile")).unwrap();
        let launch = Launch { keyring_file: true, developer: true, ..Launch::default() };
        let (client, updates, _) = block_on(crate::open_client(&launch, &profile)).unwrap();
        let app = mock_builder().invoke_handler(super::handler()).build(mock_context(noop_assets())).unwrap();
        crate::furnish(app.handle(), client, launch, &profile);
        let window =
            tauri::WebviewWindowBuilder::new(&app, "main", tauri::WebviewUrl::default()).build().unwrap();
        Shell { window, app, _updates: updates, _home: home }
    }

    fn invoke(&self, command: &str, arguments: Value) -> Result<Value, Value> {
        let request = InvokeRequest {
            cmd: command.into(),
            callback: CallbackFn(0),
            error: CallbackFn(1),
            url: "tauri://localhost".parse().unwrap(),
            body: InvokeBody::Json(arguments),
            headers: tauri::http::HeaderMap::default(),
            invoke_key: INVOKE_KEY.to_owned(),
        };
        get_ipc_response(&self.window, request).map(|body| body.deserialize().unwrap())
    }

    /// Invokes what must succeed.
    fn get(&self, command: &str, arguments: Value) -> Value {
        self.invoke(command, arguments).unwrap_or_else(|problem| panic!("{command}: {problem}"))
    }

    /// The code of the problem that comes of it.
    fn code(&self, command: &str, arguments: Value) -> String {
        let problem = self.invoke(command, arguments).expect_err(command);
        problem["code"].as_str().unwrap_or_else(|| panic!("{command}: {problem} is no Problem")).to_owned()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        block_on(async {
            self.app.state::<Client>().close().await;
            self.app.state::<crate::hosting::Hosting>().end().await;
        });
    }
}

/// The names that ui/src/backend/tauri.ts invokes.
fn names_in_the_interface() -> Vec<String> {
    let backend = include_str!("../../../ui/src/backend/tauri.ts");
    let mut names: Vec<String> = backend
        .split("command")
        .skip(1)
        .filter_map(|rest| {
            rest.split_once("('").filter(|(generic, _)| generic.is_empty() || generic.starts_with('<'))
        })
        .filter_map(|(_, rest)| rest.split_once('\'').map(|(name, _)| name.to_owned()))
        .collect();
    names.sort();
    names.dedup();
    names
}

fn account(name: &str) -> Value {
    json!({ "username": name, "displayName": name.to_uppercase(), "password": "correct horse" })
}

#[test]
fn every_command_of_the_interface_is_there_and_survives_rubbish() {
    let shell = Shell::open();
    let names = names_in_the_interface();
    assert!(names.len() > 40, "{names:?}");
    let rubbish = [
        json!({}),
        json!({ "room": 5, "text": [], "account": "x", "link": {}, "on": "yes", "limit": -1 }),
        json!([1]),
    ];
    for name in names {
        // Waits for pictures for some seconds, and takes no arguments.
        if name == "pull_video" {
            continue;
        }
        for arguments in &rubbish {
            if let Err(problem) = shell.invoke(&name, arguments.clone()) {
                assert!(!problem.to_string().contains("not found"), "{name}: {problem}");
            }
        }
    }
    assert!(shell.invoke("no_such_command", json!({})).is_err());
}

#[test]
fn what_is_wrong_has_a_code_that_the_interface_words() {
    let shell = Shell::open();
    assert_eq!(shell.get("account", json!({})), Value::Null);
    assert_eq!(shell.code("inspect_link", json!({ "link": "http://example.org/room" })), "bad_link");
    assert_eq!(
        shell.code("join", json!({ "link": "snug://join?c=x", "account": account("anna") })),
        "bad_link"
    );
    assert_eq!(shell.code("request_keyframe", json!({ "stream": "nobody" })), "bad_request");
    // Nobody has it: nothing listens on port 1.
    let nowhere = json!({ "server": "127.0.0.1:1", "username": "anna", "password": "correct horse" });
    assert_eq!(shell.code("sign_in", nowhere), "offline");
}

#[test]
fn preferences_are_kept() {
    let shell = Shell::open();
    let wanted = json!({ "language": "zh-CN", "theme": "dark", "quiet": true, "relay_only": true });
    shell.get("set_preferences", json!({ "preferences": wanted }));
    assert_eq!(shell.get("preferences", json!({})), wanted);
}

#[test]
fn about_says_version_license_and_mode() {
    let about = Shell::open().get("about", json!({}));
    assert_eq!(about["license"], "MIT OR Apache-2.0");
    assert_eq!(about["developer"], true);
    assert!(about["version"].is_string());
}

#[test]
fn without_a_screen_there_is_no_clipboard_and_no_panic() {
    assert_eq!(Shell::open().code("copy_text", json!({ "text": "x" })), "internal");
}

#[test]
fn without_a_stream_a_pull_is_refused() {
    assert_eq!(Shell::open().code("pull_video", json!({})), "no_stream");
}

#[test]
fn test_devices_are_offered_in_developer_mode() {
    let devices = Shell::open().get("devices", json!({}));
    let ids = |kind: &str| -> Vec<String> {
        let options = devices[kind].as_array().unwrap().iter();
        options.map(|option| option["id"].as_str().unwrap().to_owned()).collect()
    };
    assert!(ids("cameras").iter().any(|id| id.contains("pattern")), "{devices}");
    assert!(ids("microphones").iter().any(|id| id.contains("tone")), "{devices}");
}

#[test]
fn one_hosts_another_joins_by_the_link_and_they_talk() {
    let host = Shell::open();
    let owner =
        host.get("host", json!({ "spaceName": "Home", "roomName": "Kitchen", "account": account("anna") }));
    assert_eq!((&owner["hosted_here"], &owner["role"]), (&json!(true), &json!("owner")));
    let rooms = host.get("rooms", json!({}));
    assert_eq!(rooms[0]["name"], "Kitchen");
    let room = rooms[0]["id"].clone();
    let link = host.get("invitation_link", json!({ "rooms": [room], "uses": 1 }));

    let guest = Shell::open();
    let info = guest.get("inspect_link", json!({ "link": link }));
    assert_eq!((&info["spaceName"], &info["invitation"]), (&json!("Home"), &json!(true)));
    let joined = guest.get("join", json!({ "link": link, "account": account("bert") }));
    assert_eq!((&joined["hosted_here"], &joined["role"]), (&json!(false), &json!("member")));

    guest.get("send", json!({ "room": room, "text": "Is there tea?" }));
    let told = wait_until(|| {
        let timeline = host.get("timeline", json!({ "room": room, "before": null, "limit": 20 }));
        timeline["items"].as_array()?.iter().find(|item| item["body"]["text"] == "Is there tea?").cloned()
    });
    assert_eq!((&told["sender_name"], &told["own"]), (&json!("BERT"), &json!(false)));
}

#[test]
fn hosting_that_failed_can_be_repeated() {
    let shell = Shell::open();
    let attempt =
        |username: &str| json!({ "spaceName": "Home", "roomName": "Hall", "account": account(username) });
    assert_eq!(shell.code("host", attempt("NOT A NAME")), "unacceptable");
    assert_eq!(shell.get("host", attempt("anna"))["username"], "anna");
    assert_eq!(shell.code("host", attempt("bert")), "setup_refused", "this computer hosts one already");
    assert_eq!(shell.get("account", json!({}))["username"], "anna", "and that one stands");
}

/// Asks again and again: what happens between two clients takes a moment and is told to the webview as an event.
fn wait_until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..200 {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("it did not happen within ten seconds");
}
