//! Debian's coturn as the relay, on loopback, with a folder and ports of its own; not its service.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use snug_protocol::ice::IceServer;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

pub(crate) const SECRET: &str = "north";

/// A relay; it ends with the handle.
pub(crate) struct Coturn {
    child: Child,
    folder: TempDir,
    pub(crate) plain: SocketAddr,
    pub(crate) tls: SocketAddr,
}

impl Drop for Coturn {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether there is a coturn; says so if not.
pub(crate) fn is_there() -> bool {
    let there =
        ["/usr/bin/turnserver", "/usr/local/bin/turnserver"].iter().any(|path| Path::new(path).exists());
    if !there {
        eprintln!("skipped: there is no turnserver (script/setup --tests installs it)");
    }
    there
}

impl Coturn {
    /// One on an address, with further flags. `namespace`: where it runs, if not here.
    pub(crate) async fn start(ip: IpAddr, namespace: Option<&str>, flags: &[&str]) -> Coturn {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        // The system's own would make an authority of it, which no client takes for a server.
        std::fs::write(at("openssl.cnf"), "[req]\ndistinguished_name=dn\n[dn]\n").unwrap();
        let made = Command::new("openssl")
            .args(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=relay"
                    .split(' '),
            )
            .args([
                "-config",
                &at("openssl.cnf"),
                "-addext",
                &format!("subjectAltName=IP:{ip},DNS:localhost"),
            ])
            .args(["-keyout", &at("key.pem"), "-out", &at("cert.pem")])
            .stderr(Stdio::null())
            .status();
        assert!(made.unwrap().success(), "openssl makes a certificate");
        // Free a moment ago; in a namespace all are.
        let (plain, tls) = if namespace.is_some() { (3478, 5349) } else { (free_port(), free_port()) };
        let log = std::fs::File::create(at("log")).unwrap();
        let mut command = match namespace {
            None => Command::new("turnserver"),
            Some(name) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", name, "turnserver"]);
                command
            }
        };
        let child = command
            .args([
                "-n",
                "--no-cli",
                "--no-dtls",
                "--verbose",
                "--simple-log",
                "--log-file=stdout",
                "--realm=snug.test",
            ])
            .args(["--allow-loopback-peers", "--use-auth-secret", &format!("--static-auth-secret={SECRET}")])
            .args([format!("--listening-ip={ip}"), format!("--relay-ip={ip}")])
            .args([format!("--listening-port={plain}"), format!("--tls-listening-port={tls}")])
            .args([format!("--cert={}", at("cert.pem")), format!("--pkey={}", at("key.pem"))])
            .args([format!("--pidfile={}", at("pid")), format!("--userdb={}", at("db"))])
            .args(flags)
            .stdout(log)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let coturn =
            Coturn { child, folder, plain: SocketAddr::new(ip, plain), tls: SocketAddr::new(ip, tls) };
        let began = Instant::now();
        while !coturn.log().contains("Total General servers") {
            assert!(began.elapsed() < Duration::from_secs(20), "coturn does not begin: {}", coturn.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        coturn
    }

    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        let bytes = std::fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Its certificate in DER.
    pub(crate) fn certificate(&self) -> Vec<u8> {
        let pem = std::fs::read_to_string(self.folder.path().join("cert.pem")).unwrap();
        let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        STANDARD.decode(base64).unwrap()
    }

    pub(crate) fn udp(&self) -> String {
        format!("turn:{}?transport=udp", self.plain)
    }

    pub(crate) fn tcp(&self) -> String {
        format!("turn:{}?transport=tcp", self.plain)
    }

    pub(crate) fn tls(&self) -> String {
        format!("turns:{}?transport=tcp", self.tls)
    }
}

/// A list of these addresses with a password for a named user, good for so long.
pub(crate) fn list(urls: &[String], user: &str, good_for: Duration) -> Vec<IceServer> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let username = format!("{}:{user}", (now + good_for).as_secs());
    let mut mac = Hmac::<Sha1>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(username.as_bytes());
    let credential = STANDARD.encode(mac.finalize().into_bytes());
    vec![IceServer { urls: urls.to_vec(), username: Some(username), credential: Some(credential) }]
}

fn free_port() -> u16 {
    // For UDP and TCP alike.
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = tcp.local_addr().unwrap().port();
        if UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
