//! Set-up, registration, sessions, the space.

use crate::support::{
    http::{Api, Target},
    space::{PASSWORD, Person, Space, account, device},
    stream::Stream,
};
use serde_json::json;
use snug_protocol::{
    ErrorCode,
    account::{Device, Me, Register, Registration, ServerInfo, Session, Setup, SignIn, SpaceRole, User},
    event::kind,
    invitation::{Invitation, InvitationLink, NewInvitation},
    room::{HistoryVisibility, Room},
};
use snug_server::{Rate, Server, ServerConfig};
use sqlx::{Connection, SqliteConnection};
use std::time::Duration;

async fn registers(space: &Space, code: Option<&str>, name: &str) -> crate::support::http::Answer {
    let register = Register { invitation: code.map(ToOwned::to_owned), account: account(name) };
    space.stranger().post("/accounts", &register).await
}

#[tokio::test]
async fn the_set_up_code_makes_one_owner_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(ServerConfig::new(dir.path(), "127.0.0.1:0".parse().unwrap())).await.unwrap();
    let api = Api::new(Target::of(&server), None);
    assert_eq!(api.get("/server").await.ok::<ServerInfo>().registration, Registration::Setup);
    let no_owner_yet = Register { invitation: None, account: account("early") };
    assert_eq!(api.post("/accounts", &no_owner_yet).await.code(), ErrorCode::InvitationNeeded);

    let code = server.setup_code().unwrap();
    let wrong = Setup { code: "0000-0000-0000-0000".into(), space_name: None, account: account("ada") };
    assert_eq!(api.post("/setup", &wrong).await.code(), ErrorCode::SetupRefused);
    let right = Setup { code: format!(" {} ", code.to_uppercase()), ..wrong };
    let session: Session = api.post("/setup", &right).await.ok();
    assert_eq!(session.user.role, SpaceRole::Owner);
    assert_eq!(server.setup_code(), None);
    assert_eq!(api.post("/setup", &right).await.code(), ErrorCode::SetupRefused, "a second time");

    let owner = Person::of(Target::of(&server), session);
    let me: Me = owner.get("/me").await.ok();
    assert_eq!((me.user.username.as_str(), me.space_name.as_str(), me.device), ("ada", "Snug", owner.device));
    server.shutdown().await;
    let again = Server::start(ServerConfig::new(dir.path(), "127.0.0.1:0".parse().unwrap())).await.unwrap();
    assert_eq!(again.setup_code(), None, "a space with an owner has no code after a restart");
}

#[tokio::test]
async fn an_invitation_is_good_for_its_uses_and_brings_into_its_rooms() {
    let space = Space::start().await;
    let room = space.owner.makes_room("hall", HistoryVisibility::Shared).await;
    let wanted = NewInvitation { uses: Some(2), expires_in_ms: None, rooms: vec![room] };
    let invitation: Invitation = space.owner.post("/invitations", &wanted).await.ok();
    let link: InvitationLink = invitation.link.parse().unwrap();
    assert_eq!(link.code, invitation.code);
    assert_eq!(link.key_pin, space.server.key_pin());
    assert_eq!(link.addresses, [space.server.local_addr().to_string()]);

    for name in ["bea", "cem"] {
        let session: Session = registers(&space, Some(&invitation.code), name).await.ok();
        assert_eq!(session.user.role, SpaceRole::Member);
        let person = Person::of(space.target(), session);
        let rooms: Vec<Room> = person.get("/rooms").await.ok();
        assert_eq!(rooms.iter().map(|r| r.id).collect::<Vec<_>>(), [room]);
        person.says(room, "hello").await;
    }
    assert_eq!(registers(&space, Some(&invitation.code), "dan").await.code(), ErrorCode::InvitationExpired);
    assert_eq!(registers(&space, Some("nonsense"), "dan").await.code(), ErrorCode::InvitationExpired);
    assert_eq!(registers(&space, None, "dan").await.code(), ErrorCode::InvitationNeeded);
    assert!(space.owner.get("/invitations").await.ok::<Vec<Invitation>>().is_empty());
}

#[tokio::test]
async fn a_taken_name_does_not_use_an_invitation_up() {
    let space = Space::start().await;
    let invitation: Invitation = space.owner.post("/invitations", &NewInvitation::default()).await.ok();
    assert_eq!(registers(&space, Some(&invitation.code), "owner").await.code(), ErrorCode::AlreadyExists);
    registers(&space, Some(&invitation.code), "bea").await.ok::<Session>();
}

#[tokio::test]
async fn invitations_are_withdrawn_by_their_maker_or_the_owner_and_expire() {
    let space = Space::start().await;
    let (bea, cem) = (space.person("bea").await, space.person("cem").await);
    let of_bea: Invitation = bea.post("/invitations", &NewInvitation::default()).await.ok();
    assert_eq!(cem.delete(&format!("/invitations/{}", of_bea.code)).await.code(), ErrorCode::NotFound);
    assert!(cem.get("/invitations").await.ok::<Vec<Invitation>>().is_empty());
    let all: Vec<Invitation> = space.owner.get("/invitations").await.ok();
    assert_eq!(all, std::slice::from_ref(&of_bea));
    space.owner.delete(&format!("/invitations/{}", of_bea.code)).await.done();
    assert_eq!(registers(&space, Some(&of_bea.code), "dan").await.code(), ErrorCode::InvitationExpired);

    let brief: Invitation = bea.post("/invitations", &NewInvitation::default()).await.ok();
    let mut table =
        SqliteConnection::connect(&format!("sqlite://{}", space.database().display())).await.unwrap();
    sqlx::query("UPDATE invitations SET expires_at = 1 WHERE code = ?")
        .bind(&brief.code)
        .execute(&mut table)
        .await
        .unwrap();
    assert_eq!(registers(&space, Some(&brief.code), "dan").await.code(), ErrorCode::InvitationExpired);
    for bad in [json!({ "uses": 0 }), json!({ "uses": 1001 }), json!({ "expires_in_ms": 0 })] {
        assert_eq!(bea.post("/invitations", &bad).await.code(), ErrorCode::BadRequest, "{bad}");
    }
}

#[tokio::test]
async fn the_owner_opens_and_closes_registration_and_names_the_space() {
    let space = Space::start().await;
    let opened = space.owner.patch("/server", &json!({ "open_registration": true, "name": "Den" })).await;
    let info: ServerInfo = opened.ok();
    assert_eq!((info.registration, info.name.as_str()), (Registration::Open, "Den"));
    registers(&space, None, "dan").await.ok::<Session>();
    space.owner.patch("/server", &json!({ "open_registration": false })).await.ok::<ServerInfo>();
    assert_eq!(registers(&space, None, "eve").await.code(), ErrorCode::InvitationNeeded);
}

#[tokio::test]
async fn names_and_passwords_have_their_rules() {
    let space = Space::start().await;
    space.owner.patch("/server", &json!({ "open_registration": true })).await.ok::<ServerInfo>();
    for name in ["a", "Ada", "ada lovelace", "ada/..", "ädä", &"x".repeat(33)] {
        assert_eq!(registers(&space, None, name).await.code(), ErrorCode::Unacceptable, "{name:?}");
    }
    let refuse = async |change: fn(&mut Register)| {
        let mut register = Register { invitation: None, account: account("fine") };
        change(&mut register);
        let code = space.stranger().post("/accounts", &register).await.code();
        assert_eq!(code, ErrorCode::Unacceptable, "{register:?}");
    };
    refuse(|r| r.account.password = "1234567".into()).await;
    refuse(|r| r.account.password = "x".repeat(257)).await;
    refuse(|r| r.account.display_name = "  ".into()).await;
    refuse(|r| r.account.display_name = "x".repeat(65)).await;
    refuse(|r| r.account.display_name = "a\u{7}b".into()).await;
    refuse(|r| r.account.device.name = String::new()).await;
    refuse(|r| r.account.device.key.0 = vec![1; 31]).await;
    registers(&space, None, "fine").await.ok::<Session>();
}

#[tokio::test]
async fn signing_in_takes_the_right_password_and_each_device_has_its_own_session() {
    let space = Space::start().await;
    let bea = space.person("bea").await;
    let try_in = async |username: &str, password: &str| {
        let sign_in =
            SignIn { username: username.into(), password: password.into(), device: device("laptop") };
        space.stranger().post("/sessions", &sign_in).await
    };
    assert_eq!(try_in("bea", "wrong horse").await.code(), ErrorCode::BadCredentials);
    let nobody = try_in("nobody", PASSWORD).await;
    assert_eq!((nobody.status.as_u16(), nobody.code()), (401, ErrorCode::BadCredentials));
    let second = Person::of(space.target(), try_in("bea", PASSWORD).await.ok());
    assert_eq!(second.id, bea.id);
    assert_ne!(second.device, bea.device);
    let devices: Vec<Device> = space.owner.get(&format!("/users/{}/devices", bea.id)).await.ok();
    assert_eq!(devices.iter().map(|d| d.id).collect::<Vec<_>>(), [bea.device, second.device]);
    assert_eq!(devices[0].key.0, vec![7; 32]);

    // The first signs the second out; nobody else can.
    assert_eq!(space.owner.delete(&format!("/sessions/{}", second.device)).await.code(), ErrorCode::NotFound);
    bea.delete(&format!("/sessions/{}", second.device)).await.done();
    let out = second.get("/me").await;
    assert_eq!((out.status.as_u16(), out.code()), (401, ErrorCode::Unauthorized));
    assert_eq!(out.headers["www-authenticate"], "Bearer");
    bea.delete("/sessions/current").await.done();
    assert_eq!(bea.get("/me").await.code(), ErrorCode::Unauthorized);
}

#[tokio::test]
async fn a_session_that_was_not_used_for_long_is_over() {
    let space = Space::start().await;
    let bea = space.person("bea").await;
    let ago = |days: i64| days * 24 * 60 * 60 * 1000;
    let mut table =
        SqliteConnection::connect(&format!("sqlite://{}", space.database().display())).await.unwrap();
    let mut unused_since = async |days: i64| {
        sqlx::query("UPDATE devices SET last_seen = last_seen - ? WHERE id = ?")
            .bind(ago(days))
            .bind(bea.device.to_string())
            .execute(&mut table)
            .await
            .unwrap();
    };
    unused_since(89).await;
    bea.get("/me").await.ok::<Me>();
    unused_since(89).await;
    bea.get("/me").await.ok::<Me>();
    unused_since(91).await;
    assert_eq!(bea.get("/me").await.code(), ErrorCode::Unauthorized);
}

#[tokio::test]
async fn attempts_at_signing_in_are_strictly_limited() {
    let space = Space::start_with(|config| {
        // The owner's set-up takes the first.
        config.limits.sign_in = Rate::new(4, Duration::from_secs(3600));
    })
    .await;
    let wrong = SignIn { username: "owner".into(), password: "guess".into(), device: device("x") };
    for _ in 0..3 {
        assert_eq!(space.stranger().post("/sessions", &wrong).await.code(), ErrorCode::BadCredentials);
    }
    let limited = space.stranger().post("/sessions", &wrong).await;
    assert_eq!((limited.status.as_u16(), limited.code()), (429, ErrorCode::RateLimited));
    assert!(limited.headers.contains_key("retry-after"));
    space.owner.get("/me").await.ok::<Me>();
}

#[tokio::test]
async fn requests_are_limited_by_session_and_guesses_by_address() {
    let space = Space::start_with(|config| {
        config.limits.per_session = Rate::new(5, Duration::from_secs(3600));
        config.limits.per_address = Rate::new(3, Duration::from_secs(3600));
    })
    .await;
    let statuses = async |api: &Api, path: &str, count: usize| {
        let mut all = Vec::new();
        for _ in 0..count {
            all.push(api.get(path).await.status.as_u16());
        }
        all
    };
    assert_eq!(statuses(&space.owner, "/me", 6).await, [200, 200, 200, 200, 200, 429]);
    let guess = Api::new(space.target(), Some("guess".into()));
    assert_eq!(statuses(&guess, "/me", 4).await, [401, 401, 401, 429]);
    assert_eq!(statuses(&space.stranger(), "/server", 1).await, [429], "the same address");
}

#[tokio::test]
async fn everybody_hears_of_a_new_name() {
    let space = Space::start().await;
    let bea = space.person("bea").await;
    let mut stream = Stream::begin(&space.owner, Some(&space.owner.cursor)).await;
    let changed: User = bea.patch("/me", &json!({ "display_name": " Bea B. " })).await.ok();
    assert_eq!(changed.display_name, "Bea B.");
    let mut told = Vec::new();
    while told.last().is_none_or(|user: &User| user.display_name != "Bea B.") {
        let row = stream.row().await.unwrap();
        assert_eq!(row.kind, kind::USER);
        told.push(row.content.parse::<User>().unwrap());
    }
    assert_eq!(told.iter().map(|u| u.username.as_str()).collect::<Vec<_>>(), ["owner", "bea", "bea"]);
    let people: Vec<User> = bea.get("/users").await.ok();
    assert_eq!(people, [changed, told[0].clone()]);
    assert_eq!(bea.patch("/me", &json!({ "display_name": "" })).await.code(), ErrorCode::Unacceptable);
}

#[tokio::test]
async fn the_key_is_the_same_after_a_restart_and_another_one_is_noticed() {
    let space = Space::start().await;
    let pin = space.server.key_pin();
    let space = space.restart().await;
    assert_eq!(space.server.key_pin(), pin);
    space.owner.get("/me").await.ok::<Me>();
    let mut other = space.target();
    other.pin[0] ^= 1;
    assert!(other.tls().await.is_err());
}
