//! `weir env`: the variables that send a shell's programs through weir.

use clap::ValueEnum;

use super::out;
use super::settings::{Addresses, File};
use crate::listen::ca::Files;

/// Arguments of `weir env`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whose syntax to print.
    #[arg(long, value_enum, default_value_t)]
    shell: Shell,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Shell {
    #[default]
    Bash,
    Fish,
    Powershell,
    Dotenv,
}

/// Proxy variables; programs disagree on the case, and gRPC reads the lower one alone.
const PROXY: [&str; 2] = ["HTTPS_PROXY", "HTTP_PROXY"];
/// A program's own loopback services are no business of a proxy.
const NO_PROXY: &str = "localhost,127.0.0.1,::1";
/// Variables that add a certificate to the roots that a runtime trusts.
const ADDING: [&str; 2] = ["NODE_EXTRA_CA_CERTS", "DENO_CERT"];
/// Variables that replace those roots, so they get the system's as well.
const REPLACING: [&str; 8] = [
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "AWS_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "CARGO_HTTP_CAINFO",
    "CODEX_CA_CERTIFICATE",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
];

/// Prints the variables.
pub fn run(args: &Args, file: &File) -> anyhow::Result<()> {
    let config = file.load()?;
    let addresses = Addresses::of(&config)?;
    let files = Files::under(&std::path::absolute(&config.data_dir)?);
    if !files.certificate.exists() {
        out::complain("weir: the CA is made when weir first starts; run `weir serve` once");
    }
    let certificate = files.certificate.display().to_string();
    let bundle = files.bundle.display().to_string();
    for (name, value) in variables(&addresses.proxy_url(), &certificate, &bundle) {
        out::line(&assignment(args.shell, &name, &value))?;
    }
    Ok(())
}

fn variables(proxy: &str, certificate: &str, bundle: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for name in PROXY {
        all.push((name.to_owned(), proxy.to_owned()));
        all.push((name.to_ascii_lowercase(), proxy.to_owned()));
    }
    all.push(("NO_PROXY".to_owned(), NO_PROXY.to_owned()));
    all.push(("no_proxy".to_owned(), NO_PROXY.to_owned()));
    all.extend(ADDING.map(|name| (name.to_owned(), certificate.to_owned())));
    all.extend(REPLACING.map(|name| (name.to_owned(), bundle.to_owned())));
    // Node reads proxy variables only when told to.
    all.push(("NODE_USE_ENV_PROXY".to_owned(), "1".to_owned()));
    all
}

fn assignment(shell: Shell, name: &str, value: &str) -> String {
    match shell {
        Shell::Bash => format!("export {name}='{}'", value.replace('\'', r"'\''")),
        Shell::Fish => format!(
            "set -gx {name} '{}'",
            value.replace('\\', r"\\").replace('\'', r"\'")
        ),
        Shell::Powershell => {
            // Its environment ignores case: one of each pair is enough, and the second does no harm.
            format!("$env:{name} = '{}'", value.replace('\'', "''"))
        }
        Shell::Dotenv => format!("{name}={value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_variable_gets_the_file_that_it_needs() {
        let all = variables("http://p", "ca.pem", "bundle.pem");
        let value = |name: &str| all.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        assert_eq!(value("HTTPS_PROXY"), Some("http://p"));
        assert_eq!(value("https_proxy"), Some("http://p"));
        assert_eq!(value("NODE_EXTRA_CA_CERTS"), Some("ca.pem"));
        assert_eq!(value("SSL_CERT_FILE"), Some("bundle.pem"));
        assert_eq!(value("no_proxy"), Some(NO_PROXY));
    }

    #[test]
    fn values_are_quoted_for_each_shell() {
        assert_eq!(assignment(Shell::Bash, "A", "it's"), r"export A='it'\''s'");
        assert_eq!(assignment(Shell::Fish, "A", "it's"), r"set -gx A 'it\'s'");
        assert_eq!(
            assignment(Shell::Powershell, "A", "it's"),
            "$env:A = 'it''s'"
        );
        assert_eq!(assignment(Shell::Dotenv, "A", "b"), "A=b");
    }
}
