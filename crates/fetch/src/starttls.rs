//! What is said before TLS on ports that begin in the clear: SMTP (RFC 3207), IMAP (RFC 9051 6.2.1), LDAP (RFC 4511 4.14),
//! PostgreSQL (its manual, 53.2.11).
//!
//! One octet is read at a time: not one of those behind the last line may be taken from TLS, and none that came early is
//! believed afterwards.

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Octets that a server may say before TLS: a greeting and a list of capabilities have a few hundred.
const MOST: usize = 8 * 1024;

/// A protocol that begins in the clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartTls {
    /// Mail in transit.
    Smtp,
    /// Mail to its reader.
    Imap,
    /// Directories.
    Ldap,
    /// PostgreSQL.
    Postgres,
}

/// Says what has to be said. The error is for people; foreign text stands in none.
pub(crate) async fn prepare<S>(stream: &mut S, protocol: StartTls) -> Result<(), String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut talk = Talk { stream, left: MOST };
    match protocol {
        StartTls::Smtp => talk.smtp().await,
        StartTls::Imap => talk.imap().await,
        StartTls::Ldap => talk.ldap().await,
        StartTls::Postgres => talk.postgres().await,
    }
}

struct Talk<'a, S> {
    stream: &'a mut S,
    left: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<'_, S> {
    async fn say(&mut self, octets: &[u8]) -> Result<(), String> {
        let said = self.stream.write_all(octets).await;
        said.map_err(|why| format!("cannot write: {why}"))
    }

    async fn octet(&mut self) -> Result<u8, String> {
        self.left = self.left.checked_sub(1).ok_or("the server says too much")?;
        let octet = self.stream.read_u8().await;
        octet.map_err(|why| format!("cannot read: {why}"))
    }

    async fn line(&mut self) -> Result<Vec<u8>, String> {
        let mut line = Vec::new();
        loop {
            match self.octet().await? {
                b'\n' => return Ok(line.trim_ascii_end().to_vec()),
                octet => line.push(octet),
            }
        }
    }

    /// A reply of SMTP, which may have several lines; `code` is what each has to begin with.
    async fn reply(&mut self, code: &[u8], what: &str) -> Result<Vec<Vec<u8>>, String> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await?;
            if !line.starts_with(code) {
                return Err(format!("the server refuses {what}"));
            }
            let last = line.get(3) != Some(&b'-');
            lines.push(line);
            if last {
                return Ok(lines);
            }
        }
    }

    async fn smtp(&mut self) -> Result<(), String> {
        self.reply(b"220", "the connection").await?;
        self.say(b"EHLO certvouch.invalid\r\n").await?;
        let lines = self.reply(b"250", "EHLO").await?;
        let offered = |line: &Vec<u8>| {
            let word = line.get(4..).unwrap_or_default();
            word.eq_ignore_ascii_case(b"STARTTLS")
        };
        if !lines.iter().any(offered) {
            return Err("the server does not offer STARTTLS".to_owned());
        }
        self.say(b"STARTTLS\r\n").await?;
        self.reply(b"220", "STARTTLS").await.map(drop)
    }

    async fn imap(&mut self) -> Result<(), String> {
        if !self.line().await?.to_ascii_uppercase().starts_with(b"* OK") {
            return Err("the server refuses the connection".to_owned());
        }
        self.say(b"a1 STARTTLS\r\n").await?;
        loop {
            let line = self.line().await?.to_ascii_uppercase();
            if line.starts_with(b"A1 OK") {
                return Ok(());
            }
            if line.starts_with(b"A1 ") {
                return Err("the server refuses STARTTLS".to_owned());
            }
        }
    }

    async fn ldap(&mut self) -> Result<(), String> {
        // LDAPMessage { 1, [APPLICATION 23] { [0] "1.3.6.1.4.1.1466.20037" } }
        let mut request = vec![0x30, 0x1D, 0x02, 0x01, 0x01, 0x77, 0x18, 0x80, 0x16];
        request.extend_from_slice(b"1.3.6.1.4.1.1466.20037");
        self.say(&request).await?;
        let odd = || "the server says something else than LDAP".to_owned();
        if self.octet().await? != 0x30 {
            return Err(odd());
        }
        let length = self.length().await?;
        let mut message = Vec::new();
        for _ in 0..length {
            message.push(self.octet().await?);
        }
        // The messageID, then [APPLICATION 24], whose first element is the resultCode.
        let response = message.get(3..).filter(|rest| rest.first() == Some(&0x78));
        let response = response.ok_or_else(odd)?;
        let code = response
            .windows(3)
            .find(|part| part.starts_with(&[0x0A, 1]));
        match code {
            Some([_, _, 0]) => Ok(()),
            Some(_) => Err("the server refuses StartTLS".to_owned()),
            None => Err(odd()),
        }
    }

    /// A length in BER, of at most two octets behind the first.
    async fn length(&mut self) -> Result<usize, String> {
        match self.octet().await? {
            short @ ..=0x7F => Ok(usize::from(short)),
            0x81 => Ok(usize::from(self.octet().await?)),
            0x82 => {
                let octets = [self.octet().await?, self.octet().await?];
                Ok(usize::from(u16::from_be_bytes(octets)))
            }
            // OpenLDAP writes four octets whatever the length is.
            0x84 => {
                let mut octets = [0; 4];
                for octet in &mut octets {
                    *octet = self.octet().await?;
                }
                let length = usize::try_from(u32::from_be_bytes(octets));
                length.map_err(|_| "the server says too much".to_owned())
            }
            _ => Err("the server says something else than LDAP".to_owned()),
        }
    }

    async fn postgres(&mut self) -> Result<(), String> {
        // SSLRequest: its length, and 1234 and 5679 as two shorts.
        self.say(&[0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x2F]).await?;
        match self.octet().await? {
            b'S' => Ok(()),
            b'N' => Err("the server speaks no TLS".to_owned()),
            _ => Err("the server says something else than PostgreSQL".to_owned()),
        }
    }
}
