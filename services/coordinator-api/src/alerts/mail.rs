//! Mail by SMTP.

use std::time::Duration;

use chassis::Fault;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};

use super::config::{Security, Target, is_this_machine, needed, secret};
use super::endpoint::Failure;
use super::text::{Message, cut};

/// A mail server that takes our messages, and for whom they are.
pub(super) struct Mail {
    server: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
    timeout: Duration,
}

impl Mail {
    /// What `target` says; `key` is where it stands.
    ///
    /// # Errors
    /// Names the key that is missing or cannot be used.
    pub(super) fn of(target: &Target, key: &str, timeout: Duration) -> Result<Self, Fault> {
        let kind = target.kind;
        let host = needed(target.host.as_deref(), key, "host", kind)?;
        let security = target.security.unwrap_or(Security::Starttls);
        if security == Security::None && !is_this_machine(host) {
            return Err(Fault::new(format!("{key}.security"), "is none, which is for a relay on this machine alone"));
        }
        let from = mailbox(needed(target.from.as_deref(), key, "from", kind)?, &format!("{key}.from"))?;
        let to = target.to.iter().enumerate().map(|(i, text)| mailbox(text, &format!("{key}.to.{i}")));
        let to = to.collect::<Result<Vec<_>, _>>()?;
        if to.is_empty() {
            return Err(Fault::new(format!("{key}.to"), "is missing, and kind email needs it"));
        }
        let (port, tls) = match security {
            Security::Starttls => (587, Tls::Required(tls(target, host, key)?)),
            Security::Tls => (465, Tls::Wrapper(tls(target, host, key)?)),
            Security::None => (25, Tls::None),
        };
        let mut server = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(target.port.unwrap_or(port))
            .tls(tls)
            .timeout(Some(timeout));
        if let Some(user) = &target.user {
            let password = secret(target.password_file.as_ref(), key, "password", kind)?;
            server = server.credentials(Credentials::new(user.clone(), password.expose().to_owned()));
        }
        Ok(Self { server: server.build(), from, to, timeout })
    }

    pub(super) async fn send(&self, message: &Message) -> Result<String, Failure> {
        let unsendable = |error: lettre::error::Error| Failure {
            detail: format!("the mail cannot be written: {error}"),
            retry: false,
            after: None,
        };
        let addressed = self.to.iter().fold(self.head(message), |mail, to| mail.to(to.clone()));
        let mail = addressed.body(message.text.clone()).map_err(unsendable)?;
        let sending = tokio::time::timeout(self.timeout, self.server.send(mail)).await;
        let outcome = sending.map_err(|_| Failure::passing("the mail server did not answer in time"))?;
        match outcome {
            Ok(response) => {
                let words = response.message().collect::<Vec<_>>().join(" ");
                Ok(format!("{} {}", response.code(), words).trim_end().to_owned())
            }
            Err(error) => {
                Err(Failure { detail: chassis::logs::chain(&error), retry: !error.is_permanent(), after: None })
            }
        }
    }

    fn head(&self, message: &Message) -> MessageBuilder {
        let domain = self.from.email.domain();
        lettre::Message::builder()
            .from(self.from.clone())
            // The same for the same event, so that a mail that comes twice is recognised.
            .message_id(Some(format!("<{}@{domain}>", message.notice.id)))
            .subject(cut(&message.subject().replace(['\r', '\n'], " "), 200))
            .header(ContentType::TEXT_PLAIN)
    }
}

fn mailbox(text: &str, key: &str) -> Result<Mailbox, Fault> {
    text.parse().map_err(|_| Fault::new(key, format!("is `{text}`, must be an address such as ann@example.com")))
}

fn tls(target: &Target, host: &str, key: &str) -> Result<TlsParameters, Fault> {
    let mut parameters = TlsParameters::builder(host.to_owned());
    if let Some(file) = &target.ca_file {
        let unusable =
            |why: String| Fault::new(format!("{key}.ca_file"), format!("names {}, which {why}", file.display()));
        let pem = std::fs::read(file).map_err(|error| unusable(format!("cannot be read: {error}")))?;
        let certificate = Certificate::from_pem(&pem).map_err(|_| unusable("holds no certificate".to_owned()))?;
        parameters = parameters.add_root_certificate(certificate);
    }
    parameters.build_rustls().map_err(|error| Fault::new(format!("{key}.host"), format!("is `{host}`: {error}")))
}
