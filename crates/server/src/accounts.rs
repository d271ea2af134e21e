//! Accounts: the owner's set-up, registration, people and their devices.

use crate::{
    app::App,
    auth::{Newcomer, SignedIn, space_role},
    extract::{Body, InPath},
    failure::{Result, missing, refusal},
    invitations,
    log::{Append, NewRow},
    members, sessions, space, words,
};
use anyhow::Context;
use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use snug_protocol::{
    Content, DeviceId, ErrorCode, UserId,
    account::{Device, Me, NewAccount, Register, Session, Setup, SpaceRole, UpdateMe, User},
    event::{Topic, kind},
    room::RoomRole,
};
use subtle::ConstantTimeEq;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/setup", post(set_up))
        .route("/accounts", post(register))
        .route("/users", get(people))
        .route("/users/{id}/devices", get(devices))
        .route("/me", get(me).patch(update_me))
}

/// Makes the owner, once, for whoever has the code that the server printed.
async fn set_up(
    _: Newcomer,
    State(app): State<App>,
    Body(setup): Body<Setup>,
) -> Result<(StatusCode, Json<Session>)> {
    let refused =
        || refusal(ErrorCode::SetupRefused, "the set-up code is wrong, or the space has an owner already");
    let right = app
        .setup_code()
        .is_some_and(|code| bool::from(code.as_bytes().ct_eq(setup.code.trim().to_lowercase().as_bytes())));
    if !right {
        return Err(refused());
    }
    if let Some(name) = &setup.space_name
        && !words::is_name(name, 64)
    {
        return Err(refusal(ErrorCode::Unacceptable, "a space's name has 1 to 64 characters"));
    }
    check(&setup.account)?;
    let hash = app.passwords.hash(setup.account.password.clone()).await?;
    let session = app
        .log
        .write(move |log| {
            Box::pin(async move {
                let taken: Option<(i64,)> =
                    sqlx::query_as("SELECT 1 FROM accounts LIMIT 1").fetch_optional(&mut log.conn).await?;
                if taken.is_some() {
                    return Err(refused());
                }
                if let Some(name) = &setup.space_name {
                    space::set(log, space::NAME, name.trim()).await?;
                }
                create(log, setup.account, hash, SpaceRole::Owner).await
            })
        })
        .await?;
    app.forget_setup_code();
    tracing::info!(owner = session.user.username, "the space has an owner");
    Ok((StatusCode::CREATED, Json(session)))
}

/// Makes an account, with an invitation unless registration is open.
async fn register(
    _: Newcomer,
    State(app): State<App>,
    Body(wanted): Body<Register>,
) -> Result<(StatusCode, Json<Session>)> {
    check(&wanted.account)?;
    if app.setup_code().is_some() {
        return Err(refusal(ErrorCode::InvitationNeeded, "the space has no owner yet"));
    }
    // Asked before the expensive hash, and once more where it counts, in the write.
    if wanted.invitation.is_none() && !space::is_open(&mut *app.log.pool.acquire().await?).await? {
        return Err(refusal(ErrorCode::InvitationNeeded, "an invitation is needed here"));
    }
    if let Some(code) = &wanted.invitation {
        invitations::check(&mut *app.log.pool.acquire().await?, code).await?;
    }
    let hash = app.passwords.hash(wanted.account.password.clone()).await?;
    let session = app
        .log
        .write(move |log| {
            Box::pin(async move {
                let invitation = match &wanted.invitation {
                    Some(code) => Some(invitations::take(log, code).await?),
                    None if space::is_open(&mut log.conn).await? => None,
                    None => return Err(refusal(ErrorCode::InvitationNeeded, "an invitation is needed here")),
                };
                let session = create(log, wanted.account, hash, SpaceRole::Member).await?;
                let newcomer = session.user.id;
                for (room, inviter) in invitation.map(|i| i.rooms()).unwrap_or_default() {
                    // A room that the inviting person has left since is no longer theirs to open.
                    if members::is_in(&mut log.conn, room, inviter).await? {
                        members::enter(log, room, newcomer, RoomRole::Member, (newcomer, session.device))
                            .await?;
                    }
                }
                Ok(session)
            })
        })
        .await?;
    Ok((StatusCode::CREATED, Json(session)))
}

/// What names and passwords must be.
fn check(account: &NewAccount) -> Result<()> {
    let unacceptable = |why| Err(refusal(ErrorCode::Unacceptable, why));
    let name = &account.username;
    let letters = name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'));
    if !letters || !(2..=32).contains(&name.len()) {
        return unacceptable("a username has 2 to 32 characters of a-z 0-9 . _ -");
    }
    if !words::is_name(&account.display_name, 64) {
        return unacceptable("a display name has 1 to 64 characters");
    }
    if !(8..=256).contains(&account.password.chars().count()) {
        return unacceptable("a password has 8 to 256 characters");
    }
    sessions::check(&account.device)
}

/// Writes the account and its first device, and tells the space.
async fn create(log: &mut Append, account: NewAccount, hash: String, role: SpaceRole) -> Result<Session> {
    let taken: Option<(i64,)> = sqlx::query_as("SELECT 1 FROM accounts WHERE username = ?")
        .bind(&account.username)
        .fetch_optional(&mut log.conn)
        .await?;
    if taken.is_some() {
        return Err(refusal(ErrorCode::AlreadyExists, "this username is taken"));
    }
    let user = User {
        id: UserId::random(),
        username: account.username,
        display_name: account.display_name.trim().to_owned(),
        role,
    };
    sqlx::query(
        "INSERT INTO accounts (id, username, display_name, password_hash, role, since_seq, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(user.id.to_string())
    .bind(&user.username)
    .bind(&user.display_name)
    .bind(hash)
    .bind(words::write(&role))
    .bind(log.next_seq() as i64)
    .bind(log.now.0)
    .execute(&mut log.conn)
    .await?;
    let session = sessions::create(log, user, account.device).await?;
    announce(log, &session.user, session.device).await?;
    Ok(session)
}

/// Tells everybody in the space of a person who came or changed.
async fn announce(log: &mut Append, user: &User, device: DeviceId) -> Result<()> {
    log.row(NewRow::of_server(Topic::Space, kind::USER, (user.id, device), Content::json(user))).await?;
    Ok(())
}

type UserRow = (String, String, String, String);

fn user_of((id, username, display_name, role): UserRow) -> Result<User> {
    Ok(User { id: id.parse().context("an account's id")?, username, display_name, role: space_role(&role)? })
}

async fn people(_: SignedIn, State(app): State<App>) -> Result<Json<Vec<User>>> {
    let rows: Vec<UserRow> =
        sqlx::query_as("SELECT id, username, display_name, role FROM accounts ORDER BY username")
            .fetch_all(&app.log.pool)
            .await?;
    rows.into_iter().map(user_of).collect::<Result<_>>().map(Json)
}

/// A person's signed-in devices.
async fn devices(
    _: SignedIn,
    State(app): State<App>,
    InPath(user): InPath<UserId>,
) -> Result<Json<Vec<Device>>> {
    account(&mut *app.log.pool.acquire().await?, user).await?;
    let rows: Vec<(String, String, Vec<u8>)> = sqlx::query_as(
        "SELECT id, name, public_key FROM devices WHERE account = ? AND token_hash IS NOT NULL ORDER BY created_at, id",
    )
    .bind(user.to_string())
    .fetch_all(&app.log.pool)
    .await?;
    rows.into_iter()
        .map(|(id, name, key)| {
            Ok(Device { id: id.parse().context("a device's id")?, name, key: Content(key) })
        })
        .collect::<Result<_>>()
        .map(Json)
}

async fn me(who: SignedIn, State(app): State<App>) -> Result<Json<Me>> {
    let mut conn = app.log.pool.acquire().await?;
    let user = account(&mut conn, who.user).await?;
    Ok(Json(Me { user, device: who.device, space_name: space::name(&mut conn, &app.default_name).await? }))
}

async fn update_me(
    who: SignedIn,
    State(app): State<App>,
    Body(change): Body<UpdateMe>,
) -> Result<Json<User>> {
    if change.display_name.as_ref().is_some_and(|name| !words::is_name(name, 64)) {
        return Err(refusal(ErrorCode::Unacceptable, "a display name has 1 to 64 characters"));
    }
    app.log
        .write(move |log| {
            Box::pin(async move {
                let mut user = account(&mut log.conn, who.user).await?;
                if let Some(name) = change.display_name
                    && name.trim() != user.display_name
                {
                    user.display_name = name.trim().to_owned();
                    sqlx::query("UPDATE accounts SET display_name = ? WHERE id = ?")
                        .bind(&user.display_name)
                        .bind(user.id.to_string())
                        .execute(&mut log.conn)
                        .await?;
                    announce(log, &user, who.device).await?;
                }
                Ok(user)
            })
        })
        .await
        .map(Json)
}

/// One account.
pub(crate) async fn account(conn: &mut sqlx::SqliteConnection, user: UserId) -> Result<User> {
    let row: Option<UserRow> =
        sqlx::query_as("SELECT id, username, display_name, role FROM accounts WHERE id = ?")
            .bind(user.to_string())
            .fetch_optional(conn)
            .await?;
    row.map(user_of).transpose()?.ok_or_else(|| missing("person"))
}

/// Display names of people, in the order of `users`; those without an account are left out.
pub(crate) async fn display_names(
    conn: &mut sqlx::SqliteConnection,
    users: &[UserId],
) -> Result<Vec<String>> {
    let mut names = Vec::with_capacity(users.len());
    for user in users {
        let row: Option<(String,)> = sqlx::query_as("SELECT display_name FROM accounts WHERE id = ?")
            .bind(user.to_string())
            .fetch_optional(&mut *conn)
            .await?;
        names.extend(row.map(|(name,)| name));
    }
    Ok(names)
}
