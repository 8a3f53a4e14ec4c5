//! The cryptography behind every TLS connection of the process.

/// Makes *ring* the process's provider; repeated calls change nothing.
pub fn install_provider() {
    // An error means that a provider is installed already, which is all that matters.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
