//! The desktop shell: one window, a tray icon, notifications, and the way of everything between the interface and the client.
//!
//! Thin on purpose: what can be done without a window is in `snug-client`, what is seen is in `ui/`. The order of starting is in
//! [`main`] and [`furnish`]; what runs by itself afterwards is owned by [`Running`] and ends with the program.

mod attention;
mod clipboard;
mod commands;
mod fatal;
mod frames;
mod graphics;
mod hosting;
mod instance;
mod launch;
mod news;
mod notifications;
mod tray;
mod window;
mod words;

use crate::attention::Eyes;
use crate::frames::{Following, Frames};
use crate::hosting::Hosting;
use crate::instance::{Claim, Instance};
use crate::launch::{Launch, Profile};
use crate::news::News;
use crate::tray::Tray;
use crate::window::Remembered;
use clap::Parser;
use snug_client::view::{Problem, Update};
use snug_client::{Client, ClientConfig, DeviceOverrides, Keyring, Updates};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tauri::async_runtime::block_on;
use tauri::{AppHandle, Manager, RunEvent, Runtime};
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;
use tracing_subscriber::EnvFilter;

/// How long quitting may take: leaving a call and telling the space, over a network that may be gone.
const LEAVE_WITHIN: Duration = Duration::from_secs(3);

/// Runs the program until it is quit.
pub fn main() -> ExitCode {
    let began = Instant::now();
    let launch = Launch::parse();
    let filter = EnvFilter::try_from_env("SNUG_LOG").unwrap_or_else(|_| EnvFilter::new("warn,snug=info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    graphics::choose();

    let profile = match launch.profile() {
        Ok(profile) => profile,
        Err(error) => return fatal::tell(&format!("The folder for Snug's data cannot be made: {error}")),
    };
    match instance::claim(&profile) {
        Ok(Claim::Ours(instance)) => run(began, launch, profile, instance),
        Ok(Claim::Taken) => {
            tracing::info!("Snug is open already; its window is shown");
            ExitCode::SUCCESS
        }
        Err(error) => fatal::tell(&format!("The folder for Snug's data cannot be used: {error}")),
    }
}

fn run(began: Instant, launch: Launch, profile: Profile, instance: Instance) -> ExitCode {
    let app = tauri::Builder::default()
        .invoke_handler(commands::handler())
        .on_window_event(window::on_event)
        .setup(move |app| Ok(start(began, app.handle(), launch, &profile, instance)?))
        .build(tauri::generate_context!());
    match app {
        Ok(app) => {
            app.run(|app, event| {
                if let RunEvent::Exit = event {
                    leave(app);
                }
            });
            ExitCode::SUCCESS
        }
        Err(error) => fatal::tell(&error.to_string()),
    }
}

/// What runs by itself as long as the program does.
struct Running {
    _following: Following,
    _news: AbortOnDropHandle<()>,
    _tasks: Vec<AbortOnDropHandle<()>>,
    _instance: Instance,
}

/// Opens the client and the window.
fn start<R: Runtime>(
    began: Instant,
    app: &AppHandle<R>,
    launch: Launch,
    profile: &Profile,
    instance: Instance,
) -> anyhow::Result<()> {
    let (client, updates, first) = block_on(open_client(&launch, profile))?;
    furnish(app, client.clone(), launch.clone(), profile);
    let preferences = block_on(client.preferences()).unwrap_or_default();

    // Told that the page has loaded, by the window.
    let loaded = Arc::new(Notify::new());
    let running = {
        // What follows spawns tasks.
        let runtime = tauri::async_runtime::handle();
        let _inside = runtime.inner().enter();
        let mut tasks = vec![spawn(resume_hosting(app.clone())), spawn(quit_when_told(app.clone()))];
        if !launch.no_tray {
            tasks.push(spawn(show_tray(app.clone())));
        }
        match instance.listen({
            let app = app.clone();
            move || window::show(&app)
        }) {
            Ok(knocks) => tasks.push(AbortOnDropHandle::new(knocks)),
            Err(error) => tracing::warn!(%error, "a second start will not show this window"),
        }
        Running {
            _following: Following::start(app.state::<Frames>().inner().clone(), client, &app.state::<Eyes>()),
            _news: spawn(tell_news_once_loaded(app.clone(), updates, first, loaded.clone())),
            _tasks: tasks,
            _instance: instance,
        }
    };
    app.manage(running);

    let theme = commands::settings::theme(&preferences);
    window::make(app, profile, theme, move |app| {
        window::show(app);
        tracing::info!(elapsed_ms = began.elapsed().as_millis() as u64, "the window is shown");
        loaded.notify_one();
    })?;
    Ok(())
}

/// Everything that commands use, put where they find it.
fn furnish<R: Runtime>(app: &AppHandle<R>, client: Client, launch: Launch, profile: &Profile) {
    app.manage(Eyes::new(client.clone()));
    app.manage(Hosting::new(profile));
    app.manage(Remembered::new(profile));
    app.manage(Frames::default());
    app.manage(Tray::<R>::default());
    app.manage(launch);
    app.manage(client);
}

fn client_config(launch: &Launch, profile: &Profile) -> ClientConfig {
    ClientConfig {
        device_name: device_name(),
        keyring: if launch.keyring_file { Keyring::File } else { Keyring::System },
        developer: launch.developer,
        devices: DeviceOverrides {
            camera: launch.camera.clone(),
            microphone: launch.microphone.clone(),
            speaker: launch.speaker.clone(),
        },
        // Two profiles on one computer without a network, as tests have it.
        include_loopback: launch.developer,
        ..ClientConfig::new(profile.client())
    }
}

/// What this computer is called, as others see it among the user's devices.
fn device_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name: String = name.trim().chars().take(64).collect();
    if name.is_empty() { "Computer".to_owned() } else { name }
}

/// Opens the client. A damaged store is moved out of the way, which the user is told of: everything but what was not sent yet comes
/// back from the space.
async fn open_client(
    launch: &Launch,
    profile: &Profile,
) -> anyhow::Result<(Client, Updates, Option<Update>)> {
    let config = client_config(launch, profile);
    match Client::open(config.clone()).await {
        Ok((client, updates)) => Ok((client, updates, None)),
        Err(problem) if problem.code == "store_damaged" => {
            tracing::error!(detail = problem.detail, "the store is damaged; it is set aside");
            Client::set_aside_store(&config)?;
            let (client, updates) = Client::open(config).await?;
            Ok((client, updates, Some(Update::Problem { problem })))
        }
        Err(problem) => Err(problem.into()),
    }
}

fn spawn(task: impl Future<Output = ()> + Send + 'static) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(task))
}

async fn tell_news_once_loaded<R: Runtime>(
    app: AppHandle<R>,
    updates: Updates,
    first: Option<Update>,
    loaded: Arc<Notify>,
) {
    loaded.notified().await;
    let _news = News::start(app, updates, first);
    std::future::pending().await
}

/// Opens the space that is hosted here, if there is one.
async fn resume_hosting<R: Runtime>(app: AppHandle<R>) {
    let client = app.state::<Client>();
    if let Err(Problem { code, detail }) = app.state::<Hosting>().resume(&client).await {
        tracing::error!(code, detail, "the space on this computer did not open");
    }
}

async fn show_tray<R: Runtime>(app: AppHandle<R>) {
    if !tray::can_be_seen().await {
        return;
    }
    let preferences = app.state::<Client>().preferences().await.unwrap_or_default();
    if let Err(error) = app.state::<Tray<R>>().show(&app, words::words(&preferences)) {
        tracing::warn!(%error, "no tray");
    }
}

/// The system asks programs to end before it makes them.
async fn quit_when_told<R: Runtime>(app: AppHandle<R>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut end), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return;
    };
    tokio::select! {
        _ = end.recv() => {}
        _ = interrupt.recv() => {}
    }
    app.exit(0);
}

/// Ends what must not just be cut off.
fn leave<R: Runtime>(app: &AppHandle<R>) {
    app.state::<Remembered>().save();
    let left = block_on(async {
        let leaving = async {
            app.state::<Client>().close().await;
            // After the client, which says goodbye to it.
            app.state::<Hosting>().end().await;
        };
        tokio::time::timeout(LEAVE_WITHIN, leaving).await
    });
    if left.is_err() {
        tracing::warn!("left without waiting any longer");
    }
}
