//! The server's certificate: its own, made once and kept, or one from files.
//!
//! Nobody vouches for the own one. Clients pin the SHA-256 of its public key, which they get in the invitation link, so names and
//! dates in it mean nothing, and making it anew would lock everybody out: it is only ever made when there is no key.

use anyhow::{Context, Result, bail};
use rcgen::{CertificateParams, KeyPair, PublicKeyData};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject},
};
use sha2::{Digest, Sha256};
use std::{fs, io::Write, path::Path, sync::Arc};

const KEY_FILE: &str = "key.pem";

/// How the server encrypts, and what clients pin.
pub(crate) struct Identity {
    pub(crate) config: Arc<ServerConfig>,
    /// SHA-256 of the SubjectPublicKeyInfo; none for a certificate that systems trust, which is renewed with new keys.
    pub(crate) key_pin: Option<[u8; 32]>,
}

/// The certificate of the key in `data`, both made when there is no key. Only the key is kept: a pin survives any certificate of it.
pub(crate) fn own(data: &Path) -> Result<Identity> {
    let path = data.join(KEY_FILE);
    let key = match fs::read_to_string(&path) {
        Ok(pem) => KeyPair::from_pem(&pem).with_context(|| format!("{} is damaged", path.display()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = KeyPair::generate().context("making a key")?;
            write_secret(&path, key.serialize_pem().as_bytes())
                .with_context(|| format!("writing {}", path.display()))?;
            key
        }
        Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
    };
    let mut params = CertificateParams::new(["localhost".to_owned()]).context("naming the certificate")?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, "Snug");
    let certificate = params.self_signed(&key).context("making a certificate")?;
    let key_pin = Sha256::digest(key.subject_public_key_info()).into();
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    Ok(Identity { config: config(vec![certificate.der().clone()], private)?, key_pin: Some(key_pin) })
}

/// A certificate from PEM files.
pub(crate) fn from_files(cert: &Path, key: &Path) -> Result<Identity> {
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>)
        .with_context(|| format!("reading the certificate {}", cert.display()))?;
    if chain.is_empty() {
        bail!("there is no certificate in {}", cert.display());
    }
    let key =
        PrivateKeyDer::from_pem_file(key).with_context(|| format!("reading the key {}", key.display()))?;
    Ok(Identity { config: config(chain, key)?, key_pin: None })
}

fn config(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Arc<ServerConfig>> {
    // Named here, because the process may have another default or none: the app links several users of rustls.
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .context("TLS versions")?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("the certificate and the key do not fit")?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Writes a file that its owner alone may read: a temporary one first, so that a crash leaves no half of a key.
fn write_secret(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let fresh = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(fresh, path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_own_key_is_made_once_and_is_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let first = own(dir.path()).unwrap().key_pin;
        assert!(first.is_some());
        assert_eq!(own(dir.path()).unwrap().key_pin, first);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(dir.path().join(KEY_FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_damaged_key_is_an_error_and_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(KEY_FILE), "not a key").unwrap();
        assert!(own(dir.path()).is_err());
        assert_eq!(fs::read_to_string(dir.path().join(KEY_FILE)).unwrap(), "not a key");
    }

    #[test]
    fn files_that_are_missing_or_hold_nothing_are_errors() {
        let dir = tempfile::tempdir().unwrap();
        let (cert, key) = (dir.path().join("c"), dir.path().join("k"));
        assert!(from_files(&cert, &key).is_err());
        fs::write(&cert, "").unwrap();
        assert!(from_files(&cert, &key).is_err());
    }
}
