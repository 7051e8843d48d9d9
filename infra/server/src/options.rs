//! The command line. Everything else is configured by the variables that `docs/self-hosting.md` lists.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::admin::AdminOptions;

/// A self-hosted API for infrastructure automation, compatible with Terrateam
#[derive(Debug, Parser)]
#[command(name = "terrapi", version)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API
    Serve(ServeOptions),
    /// Manage the data folder, also while it is served
    Admin(AdminOptions),
    /// Print the version
    Version,
}

#[derive(Debug, Args)]
pub struct ServeOptions {
    /// The folder of all data; it is created if it does not exist
    #[arg(long, env = "TERRAPI_DATA_DIR", default_value = "terrapi-data", value_name = "FOLDER")]
    pub data: PathBuf,
    /// The address to listen on
    #[arg(long, env = "TERRAPI_LISTEN", default_value = "127.0.0.1:9000", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,
    /// The address in links, such as `https://api.example.com`, if it is not the one in the request
    #[arg(long, env = "PUBLIC_BASE_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// A certificate chain in PEM format, to serve HTTPS; read again when the program receives SIGHUP
    #[arg(long, env = "TERRAPI_TLS_CERTIFICATE", requires = "tls_key", value_name = "FILE")]
    pub tls_certificate: Option<PathBuf>,
    /// The private key of the certificate, in PEM format
    #[arg(long, env = "TERRAPI_TLS_KEY", requires = "tls_certificate", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Take the client's address, host and scheme from the headers X-Forwarded-*: a proxy is in front, and nothing else
    /// can reach this address
    #[arg(long, env = "TERRAPI_TRUST_PROXY")]
    pub trust_proxy: bool,
    /// Create an administrator with an API key, two installations and an organization, and print commands to try
    #[arg(long)]
    pub dev: bool,
}
