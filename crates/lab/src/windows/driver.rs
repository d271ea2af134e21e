//! WebDriver for one app: a D-Bus session, tauri-driver in it, and behind that the system's WebKitWebDriver.

use super::Display;
use crate::process::Run;
use anyhow::{Context, Result, bail};
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::process::Child;
use tokio::time::{sleep, timeout};

/// Names tauri-driver's path, where it is in none of the usual places.
const DRIVER_VARIABLE: &str = "SNUG_TAURI_DRIVER";
const START_LIMIT: Duration = Duration::from_secs(30);
const RETRY: Duration = Duration::from_millis(50);

/// A WebDriver that starts the app when a session is made. Its processes end with the run.
#[derive(Debug)]
pub struct Driver {
    port: u16,
    log: PathBuf,
    session: Child,
}

impl Driver {
    /// Starts one whose apps show on `display` and keep all that is theirs in `home`; `environment` is given to them.
    pub async fn start(
        run: &Run,
        display: &Display,
        home: &Path,
        environment: &[(String, String)],
    ) -> Result<Driver> {
        let (port, native_port) = free_ports()?;
        let log = home.join("app.log");
        let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = run.command("dbus-run-session");
        command.arg("--").arg(find_tool("tauri-driver", DRIVER_VARIABLE)?);
        command.args(["--port", &port.to_string(), "--native-port", &native_port.to_string()]);
        own_folders(&mut command, home)?;
        command.env("DISPLAY", display.name()).env_remove("WAYLAND_DISPLAY").env("GDK_BACKEND", "x11");
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command.stdout(output.try_clone()?).stderr(output);
        let session = command.spawn().context("cannot start dbus-run-session; is dbus installed?")?;
        let mut driver = Driver { port, log, session };
        // tauri-driver listens before the driver behind it does, and then answers with an error.
        driver.listening(native_port).await?;
        driver.listening(port).await?;
        Ok(driver)
    }

    async fn listening(&mut self, port: u16) -> Result<()> {
        let up = async {
            while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
                if let Some(status) = self.session.try_wait()? {
                    bail!("tauri-driver ended with {status}: {}", self.last_words());
                }
                sleep(RETRY).await;
            }
            Ok(())
        };
        timeout(START_LIMIT, up).await.context("tauri-driver did not come up")?
    }

    /// Where WebDriver commands go.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The end of what the app and the drivers wrote.
    pub fn last_words(&self) -> String {
        crate::peer::tail(&self.log)
    }
}

/// Nothing of the user's own settings, data or run-time sockets may leak into a window, nor back.
fn own_folders(command: &mut tokio::process::Command, home: &Path) -> Result<()> {
    for (variable, folder) in [
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_DATA_HOME", "data"),
        ("XDG_CACHE_HOME", "cache"),
        ("XDG_RUNTIME_DIR", "run"),
    ] {
        let folder = home.join(folder);
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        #[cfg(unix)]
        if variable == "XDG_RUNTIME_DIR" {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700))?;
        }
        command.env(variable, folder);
    }
    Ok(())
}

/// Two ports that were free a moment ago: held at the same time, so that they differ.
pub(crate) fn free_ports() -> Result<(u16, u16)> {
    let hold = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port");
    let (one, other) = (hold()?, hold()?);
    Ok((one.local_addr()?.port(), other.local_addr()?.port()))
}

/// A program of the tests: by its variable, then in the folder in which `script/` installs tools, then by the search path.
pub(crate) fn find_tool(name: &str, variable: &str) -> Result<PathBuf> {
    if let Some(path) = std::env::var_os(variable) {
        return Ok(path.into());
    }
    let here = std::env::current_exe()?;
    let beside =
        here.ancestors().filter(|folder| folder.ends_with("target")).map(|target| target.join("tools/bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = beside.chain(["target/tools/bin".into()]).chain(std::env::split_paths(&path));
    let found = folders.map(|folder| folder.join(name)).find(|file| file.is_file());
    found.with_context(|| {
        format!("no {name} in target/tools/bin, PATH or {variable}; script/test installs it")
    })
}
