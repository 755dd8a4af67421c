//! Why there is no TLS, by the user's own options.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, OtherError};

use super::{Request, Tls};

/// Each text goes on from the words in its comment.
#[derive(Debug)]
pub enum Fault {
    /// "cannot reach Redis at …:". The options cannot be used.
    Unusable(String),
    /// "Redis at … shows a certificate that is not trusted:"
    Untrusted(String),
    /// "Redis at …". It does not take our certificate, or wants one.
    Refused(String),
    /// What answers there does not speak TLS.
    NotTls,
    /// Nothing came of the handshake in time.
    Silent,
    /// "cannot reach Redis at …:". The handshake failed in another way.
    Failed(String),
    /// This process comes to its end.
    Ended,
}

impl Fault {
    pub fn of_handshake(error: &io::Error, tls: &Tls, request: Request) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(Error::InvalidCertificate(reason)) => Self::Untrusted(distrust(reason, tls)),
            Some(Error::AlertReceived(alert)) => of_alert(*alert, request),
            Some(Error::InvalidMessage(_)) => Self::NotTls,
            Some(error) => Self::Failed(format!("the TLS handshake failed: {error}")),
            // Whoever is refused so early hears no reason.
            None => match refusal(request, None) {
                Some(refusal) => Self::Refused(refusal),
                None => Self::Failed(format!("the TLS handshake failed: {}", plain(error))),
            },
        }
    }
}

/// What an end of the connection means that comes before the first answer: a server judges our certificate when the handshake is over
/// for us already. `None` where it has nothing to do with that.
pub fn after_handshake(error: &(dyn StdError + 'static), request: Request) -> Option<Fault> {
    match tls_error(error) {
        Some(Error::AlertReceived(alert)) => Some(of_alert(*alert, request)),
        Some(_) => None,
        None => refusal(request, None).map(Fault::Refused),
    }
}

fn of_alert(alert: AlertDescription, request: Request) -> Fault {
    match alert {
        AlertDescription::ProtocolVersion => {
            Fault::Failed("it speaks neither TLS 1.2 nor TLS 1.3".into())
        }
        AlertDescription::UnrecognisedName => Fault::Failed(
            "it knows no certificate for this name (option tls.servername names another)".into(),
        ),
        _ => match refusal(request, Some(alert)) {
            Some(refusal) => Fault::Refused(refusal),
            None => Fault::Failed(format!("it broke off the TLS handshake ({alert:?})")),
        },
    }
}

fn refusal(request: Request, alert: Option<AlertDescription>) -> Option<String> {
    let why = match alert {
        None => "it closed the connection".to_owned(),
        Some(AlertDescription::UnknownCA) => "it does not know who signed it".to_owned(),
        Some(AlertDescription::CertificateExpired) => "it has expired".to_owned(),
        Some(AlertDescription::CertificateRevoked) => "it was revoked".to_owned(),
        Some(alert) => format!("{alert:?}"),
    };
    match request {
        Request::NoTls | Request::Nothing => None,
        Request::Unanswered => {
            Some("wants a certificate of the client: options tls.cert and tls.key".into())
        }
        Request::Answered => Some(format!("refused the certificate in option tls.cert: {why}")),
    }
}

fn distrust(reason: &CertificateError, tls: &Tls) -> String {
    match reason {
        CertificateError::UnknownIssuer if tls.ca.is_empty() => {
            "no authority that this system trusts has signed it; option tls.ca names another".into()
        }
        CertificateError::UnknownIssuer => "no authority in option tls.ca has signed it".into(),
        CertificateError::ExpiredContext { time, not_after } => {
            format!("it expired {} ago", span(*not_after, *time))
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            format!("it is valid only in {}; are the clocks right?", span(*time, *not_before))
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let expected = expected.to_str();
            let names: Vec<&str> = presented.iter().map(|name| bare(name)).collect();
            let names = match names.is_empty() {
                true => "no name at all (subjectAltName)".to_owned(),
                false => names.join(", "),
            };
            format!(
                "it is for {names} and not for {expected}; option tls.servername names what to expect"
            )
        }
        CertificateError::Other(OtherError(inner)) => match inner.to_string().as_str() {
            "CaUsedAsEndEntity" => {
                "it is an authority's own; a server needs one that the authority has signed".into()
            }
            "UnsupportedCertVersion" => {
                "it is of X.509 version 1; it has to be of version 3".into()
            }
            other => other.to_owned(),
        },
        other => other.to_string(),
    }
}

/// The library's `DnsName("redis.example")` and `IpAddress(10.0.0.1)`.
fn bare(name: &str) -> &str {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
    inner.trim_matches('"')
}

fn span(from: UnixTime, to: UnixTime) -> String {
    let seconds = to.as_secs().saturating_sub(from.as_secs());
    let (count, unit) = match seconds {
        0..120 => (seconds, "second"),
        120..7200 => (seconds / 60, "minute"),
        7200..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the connection was closed".into(),
        io::ErrorKind::ConnectionReset => "the connection was reset".into(),
        _ => error.to_string().split(" (os error").next().unwrap_or_default().to_lowercase(),
    }
}

/// The error of TLS behind one of redis-rs, which wraps that of the stream.
fn tls_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    type Shared = Arc<dyn StdError + Send + Sync>;
    let source = error.source()?;
    let source = source.downcast_ref::<Shared>().map_or(source, |shared| &**shared);
    source.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref()
}

impl StdError for Fault {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unusable(text)
            | Self::Untrusted(text)
            | Self::Refused(text)
            | Self::Failed(text) => text,
            Self::NotTls => "what answers there does not speak TLS",
            Self::Silent => "no answer to the TLS handshake; does that port speak TLS?",
            Self::Ended => "the process ends",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_the_unit_that_suits_them() {
        for (seconds, told) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (119, "119 seconds"),
            (120, "2 minutes"),
            (7199, "119 minutes"),
            (7200, "2 hours"),
            (172_799, "47 hours"),
            (172_800, "2 days"),
        ] {
            let at = |seconds| UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
            assert_eq!(span(at(1_000_000), at(1_000_000 + seconds)), told);
            assert_eq!(span(at(seconds), at(0)), "0 seconds");
        }
    }

    #[test]
    fn names_are_told_without_the_librarys_wrapping() {
        for (wrapped, name) in [
            (r#"DnsName("redis.example")"#, "redis.example"),
            ("IpAddress(::1)", "::1"),
            ("something else", "something else"),
        ] {
            assert_eq!(bare(wrapped), name);
        }
    }

    #[test]
    fn an_end_before_the_first_answer_is_a_refusal_only_where_a_certificate_was_asked_for() {
        let ended = redis::RedisError::from(io::Error::from(io::ErrorKind::UnexpectedEof));
        for request in [Request::NoTls, Request::Nothing] {
            assert!(after_handshake(&ended, request).is_none());
        }
        for (request, words) in [
            (Request::Unanswered, "wants a certificate of the client"),
            (Request::Answered, "refused the certificate in option tls.cert: it closed"),
        ] {
            let Some(Fault::Refused(text)) = after_handshake(&ended, request) else { panic!() };
            assert!(text.starts_with(words), "{text}");
        }
    }

    #[test]
    fn an_alert_is_found_behind_the_error_of_the_client_and_named() {
        let alert = |alert| {
            let inner = io::Error::new(io::ErrorKind::InvalidData, Error::AlertReceived(alert));
            redis::RedisError::from(inner)
        };
        for (description, words) in [
            (AlertDescription::UnknownCA, "it does not know who signed it"),
            (AlertDescription::CertificateExpired, "it has expired"),
            (AlertDescription::CertificateRevoked, "it was revoked"),
            (AlertDescription::BadCertificate, "BadCertificate"),
        ] {
            let fault = after_handshake(&alert(description), Request::Answered);
            let Some(Fault::Refused(text)) = fault else { panic!() };
            assert!(text.ends_with(words), "{text}");
        }
        let fault = after_handshake(&alert(AlertDescription::ProtocolVersion), Request::Answered);
        assert!(matches!(fault, Some(Fault::Failed(_))));
        let fault = after_handshake(&alert(AlertDescription::InternalError), Request::Nothing);
        assert!(matches!(fault, Some(Fault::Failed(text)) if text.contains("InternalError")));
    }
}
