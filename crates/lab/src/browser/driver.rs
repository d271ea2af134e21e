//! A browser and the WebDriver in front of it.
//!
//! Both live in the namespace that is asked for, and so does the socket through which the driver is spoken to: a loopback of one
//! namespace cannot be reached from another.

use crate::net::Namespace;
use crate::process::Run;
use crate::windows::{PATIENCE, find_tool, free_ports};
use anyhow::{Context, Result, bail, ensure};
use fantoccini::{Client, ClientBuilder};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::fs::File;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::process::Child;
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

const START_LIMIT: Duration = Duration::from_secs(60);
const RETRY: Duration = Duration::from_millis(50);

/// Which browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Browser {
    /// Plays files as camera and microphone.
    Chromium,
    /// Plays a moving picture and a tone of its own.
    Firefox,
}

/// What a browser's fake devices play, where it can play files.
#[derive(Clone, Debug, Default)]
pub(super) struct Playing {
    pub(super) clip: Option<PathBuf>,
    pub(super) voice: Option<PathBuf>,
}

/// A running driver; it and its browsers end with the run.
#[derive(Debug)]
pub(super) struct BrowserDriver {
    browser: Browser,
    port: u16,
    home: PathBuf,
    process: Child,
    namespace: Option<Arc<Namespace>>,
}

impl BrowserDriver {
    /// Starts one that keeps all that is its browsers' in `home`.
    pub(super) async fn start(
        run: &Run,
        browser: Browser,
        home: &Path,
        namespace: Option<Arc<Namespace>>,
    ) -> Result<BrowserDriver> {
        std::fs::create_dir_all(home).with_context(|| format!("cannot make {}", home.display()))?;
        let log = File::create(home.join("driver.log"))?;
        let (port, other_port) = free_ports()?;
        let mut command = match browser {
            Browser::Chromium => {
                let mut command = run.command(find_tool("chromedriver", "SNUG_CHROMEDRIVER")?);
                command.arg(format!("--port={port}"));
                command
            }
            Browser::Firefox => {
                let mut command = run.command(find_tool("geckodriver", "SNUG_GECKODRIVER")?);
                command.args(["--port", &port.to_string(), "--websocket-port", &other_port.to_string()]);
                command.arg("--profile-root").arg(home);
                command
            }
        };
        // Nothing of the user's own settings leaks in, and nothing is left behind.
        command.env("HOME", home).env("TMPDIR", home).env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
        command.stdout(log.try_clone()?).stderr(log);
        let runtime = Handle::current();
        let mut start = move || {
            let _in_this_thread_too = runtime.enter();
            Ok(command.spawn()?)
        };
        let process = match &namespace {
            Some(namespace) => namespace.enter(start),
            None => start(),
        };
        let process = process.context("cannot start the browser's driver")?;
        let mut driver = BrowserDriver { browser, port, home: home.to_owned(), process, namespace };
        driver.listening().await?;
        Ok(driver)
    }

    async fn listening(&mut self) -> Result<()> {
        let up = async {
            while reach(self.namespace.clone(), self.port).await.is_err() {
                if let Some(status) = self.process.try_wait()? {
                    bail!("the browser's driver ended with {status}: {}", self.last_words());
                }
                sleep(RETRY).await;
            }
            Ok(())
        };
        timeout(START_LIMIT, up).await.context("the browser's driver did not come up")?
    }

    /// Opens a browser whose page is as large as this.
    pub(super) async fn open(&self, size: (u32, u32), playing: &Playing) -> Result<Client> {
        let Value::Object(capabilities) = self.capabilities(size, playing) else {
            bail!("capabilities are an object")
        };
        let (namespace, port) = (self.namespace.clone(), self.port);
        let connector = tower::service_fn(move |_: hyper::Uri| Box::pin(reach(namespace.clone(), port)));
        let mut builder = ClientBuilder::new(connector);
        let url = format!("http://127.0.0.1:{port}");
        let connect = builder.capabilities(capabilities).connect(&url);
        // A browser that starts beside a build takes its time.
        let client = timeout(PATIENCE * 2, connect).await.context("the browser did not open")?;
        client.with_context(|| format!("no browser: {}", self.last_words()))
    }

    fn capabilities(&self, (width, height): (u32, u32), playing: &Playing) -> Value {
        match self.browser {
            Browser::Chromium => {
                let mut arguments: Vec<String> = CHROMIUM_ARGUMENTS.map(str::to_owned).to_vec();
                if self.namespace.is_none() {
                    arguments.push(ON_THE_LOOPBACK.to_owned());
                }
                arguments.push(format!("--window-size={width},{height}"));
                arguments.push(format!("--user-data-dir={}", self.home.join("profile").display()));
                if let Some(clip) = &playing.clip {
                    arguments.push(format!("--use-file-for-fake-video-capture={}", clip.display()));
                }
                if let Some(voice) = &playing.voice {
                    arguments.push(format!("--use-file-for-fake-audio-capture={}", voice.display()));
                }
                json!({
                    "browserName": "chrome",
                    "acceptInsecureCerts": true,
                    "goog:chromeOptions": { "args": arguments },
                })
            }
            Browser::Firefox => json!({
                "browserName": "firefox",
                "acceptInsecureCerts": true,
                "moz:firefoxOptions": {
                    "args": ["-headless", format!("--width={width}"), format!("--height={height}")],
                    "prefs": {
                        "media.navigator.streams.fake": true,
                        "media.navigator.permission.disabled": true,
                        "media.autoplay.default": 0,
                        "media.peerconnection.ice.loopback": true,
                        "intl.accept_languages": "en",
                    },
                },
            }),
        }
    }

    /// Lets scripts of ours start a worker of their own in the pages that are opened from now on, whatever the pages' policy says.
    /// Chromium alone has a way.
    pub(super) async fn allow_workers(&self, client: &Client) -> Result<()> {
        let session = client.session_id().await?.context("the browser has no session")?;
        let (mut driver, connection) =
            hyper::client::conn::http1::handshake(reach(self.namespace.clone(), self.port).await?).await?;
        tokio::spawn(connection);
        let order = json!({ "cmd": "Page.setBypassCSP", "params": { "enabled": true } }).to_string();
        let request = hyper::Request::post(format!("/session/{session}/goog/cdp/execute"))
            .header("Host", "127.0.0.1")
            .header("Content-Type", "application/json")
            .body(order)?;
        let answer = driver.send_request(request).await?.status();
        ensure!(answer.is_success(), "the browser's driver refuses: {answer}");
        Ok(())
    }

    /// Its own process, which is none of the browser's.
    pub(super) fn pid(&self) -> Option<u32> {
        self.process.id()
    }

    /// The end of what the driver and its browser wrote.
    pub(super) fn last_words(&self) -> String {
        crate::peer::tail(&self.home.join("driver.log"))
    }
}

/// For a browser without a screen, a person, or any talk with its makers. A sandbox needs a user who is not root.
const CHROMIUM_ARGUMENTS: [&str; 13] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--lang=en",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
];
/// Where there is no network at all a call still can be held on this computer.
const ON_THE_LOOPBACK: &str = "--allow-loopback-in-peer-connection";

/// A connection to a port of the loopback inside a namespace.
async fn reach(namespace: Option<Arc<Namespace>>, port: u16) -> std::io::Result<TokioIo<TcpStream>> {
    let connect = move || std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port));
    let stream = match namespace {
        None => TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?,
        Some(namespace) => {
            let inside = move || namespace.enter(|| Ok(connect()?)).map_err(std::io::Error::other);
            let stream = tokio::task::spawn_blocking(inside).await.map_err(std::io::Error::other)??;
            stream.set_nonblocking(true)?;
            TcpStream::from_std(stream)?
        }
    };
    stream.set_nodelay(true)?;
    Ok(TokioIo::new(stream))
}
