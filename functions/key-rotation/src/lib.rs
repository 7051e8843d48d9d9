//! Replaces the signing key, when Secrets Manager says so.
//!
//! Secrets Manager calls four times, one step each, and again for a step that failed. Every step may be repeated, and a
//! rotation that died is taken up where it stopped. Nothing waits here for the new key to become known: signers begin to
//! use a key when it has been published for long enough (`terrapi::auth::HEAD_START_SECONDS`), and the secret keeps the
//! seed before it for them until then.

use serde::Deserialize;
use terrapi::auth::{Claims, HEAD_START_SECONDS, PublicKey, Signer, SigningKeyFile, Verifier};
use terrapi::domain::{Capabilities, Error, KeyId, Result, Seconds, SecretText, UserId};
use terrapi::runtime::{App, Secrets, Version};

/// How long a key is trusted after it was replaced, in seconds. Its last token ends within minutes; the rest is for
/// signers that cannot reach Secrets Manager for a while.
pub const RETIRING_SECONDS: i64 = 3_600;

/// What Secrets Manager sends.
///
/// Shape: `{"Step": "createSecret", "SecretId": "arn:…", "ClientRequestToken": "<version>"}`, and more.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RotationEvent {
    /// What is to be done.
    pub step: Step,
    /// The secret's ARN.
    pub secret_id: String,
    /// The version in the making.
    pub client_request_token: String,
}

/// The steps, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Step {
    /// Write the version in the making: a new seed.
    #[serde(rename = "createSecret")]
    Create,
    /// Publish its public key.
    #[serde(rename = "setSecret")]
    Set,
    /// Show that verifiers accept its tokens.
    #[serde(rename = "testSecret")]
    Test,
    /// Put it into use, and send the key before it on its way out.
    #[serde(rename = "finishSecret")]
    Finish,
    /// Not of Secrets Manager's, but an operator's, who has made an older version current again: trust its key without an
    /// end, and send the others on their way out.
    #[serde(rename = "rollBack")]
    RollBack,
}

/// Who rotates what.
pub struct Rotation {
    /// Secrets Manager.
    pub secrets: Secrets,
    /// The ARN of the one secret that is rotated here.
    pub secret: String,
    /// Storage, the clock, randomness.
    pub app: App,
}

impl Rotation {
    /// One step.
    ///
    /// # Errors
    /// The secret is another, the version is not one that a rotation has begun, a step before this one is missing, or
    /// Secrets Manager or storage is away. Nothing is half done that the next call does not mend.
    pub async fn step(&self, event: &RotationEvent) -> Result<()> {
        let version = event.client_request_token.as_str();
        if event.secret_id != self.secret {
            return Err(Error::bug("asked to rotate another secret"));
        }
        match (self.secrets.version(&self.secret, version).await?, event.step) {
            (Version::Other, _) => return Err(Error::bug("asked to rotate to a version that is not pending")),
            // Called again because the answer was lost, or the process died behind the last step's decisive call.
            (Version::Current, Step::Finish) => self.retire_others(version).await?,
            (Version::Current, Step::RollBack) => self.reinstate(version).await?,
            (Version::Current, _) => {}
            (Version::Pending { .. }, Step::Create) => self.create(version).await?,
            (Version::Pending { .. }, Step::Set) => {
                self.app.store.publish_key(active(&self.made(version).await?)?, self.app.clock.now()).await?;
            }
            (Version::Pending { .. }, Step::RollBack) => {
                return Err(Error::bug("asked to go back to a version that is not in use"));
            }
            (Version::Pending { .. }, Step::Test) if self.is_trial(version).await? => {}
            (Version::Pending { .. }, Step::Test) => self.test(version).await?,
            (Version::Pending { current }, Step::Finish) => {
                self.test(version).await?;
                self.secrets.promote(&self.secret, version, &current).await?;
                self.retire_others(version).await?;
            }
        }
        tracing::info!(step = ?event.step, version, "a step of the rotation is done");
        Ok(())
    }

    async fn create(&self, version: &str) -> Result<()> {
        if self.secrets.text_of(&self.secret, version).await?.is_some() {
            return Ok(());
        }
        let text = self.secrets.current(&self.secret).await?;
        let current = SigningKeyFile::parse(text.reveal())?;
        let now = self.app.clock.now().seconds();
        let in_use = self.signer(&text)?;
        let published = self.app.store.list_published_keys(now).await?;
        let young = |since: Seconds| since.plus(HEAD_START_SECONDS) > now;
        // The seed before the current one leaves the secret now, so nobody may need it any longer.
        if published.iter().any(|known| Some(&known.key) == in_use.active_key() && young(known.since.seconds())) {
            return Err(Error::bug("the key of the last rotation is not in use yet"));
        }
        let next = current.succeeded_by(seed(self.app.random.bytes()?));
        self.secrets.put_pending(&self.secret, version, &next.to_text()?).await
    }

    /// Whether Secrets Manager only tries the function out, as it does when a schedule is made: the version holds nothing,
    /// or what is in use.
    async fn is_trial(&self, version: &str) -> Result<bool> {
        let current = self.secrets.current(&self.secret).await?;
        let text = self.secrets.text_of(&self.secret, version).await?;
        Ok(text.is_none_or(|text| text == current))
    }

    /// Signs with the new key and verifies with what is published.
    async fn test(&self, version: &str) -> Result<()> {
        let (signer, now) = (self.made(version).await?, self.app.clock.now().seconds());
        let verifier = Verifier::new(&self.app.settings.issuer);
        verifier.replace_keys(&self.app.store.list_public_keys(now).await?);
        let id = self.app.random.id()?;
        let claims = Claims::new(signer.issuer(), now, id, UserId::new(id), KeyId::new(id), Capabilities::default());
        let verdict = verifier.verify(&signer.sign(&claims)?, now);
        verdict.map(|_| ()).map_err(|_| Error::bug("the new key is not published"))
    }

    /// Sends every key but the one in use on its way out.
    async fn retire_others(&self, version: &str) -> Result<()> {
        let now = self.app.clock.now().seconds();
        // Not by asking which one is current: that answer may be a moment old.
        let in_use = self.made(version).await?;
        for known in self.app.store.list_published_keys(now).await? {
            if Some(&known.key) != in_use.active_key() && known.until.is_none() {
                self.app.store.retire_key(&known.key.kid, now.plus(RETIRING_SECONDS)).await?;
                tracing::info!(kid = known.key.kid, version, "a key is on its way out");
            }
        }
        Ok(())
    }

    /// Trusts the key of the version in use without an end.
    async fn reinstate(&self, version: &str) -> Result<()> {
        let signer = self.made(version).await?;
        let key = active(&signer)?;
        self.app.store.publish_key(key, self.app.clock.now()).await?;
        self.app.store.reinstate_key(&key.kid).await?;
        tracing::warn!(kid = key.kid, version, "a key is back in use");
        self.retire_others(version).await
    }

    /// The signer of the version in the making.
    async fn made(&self, version: &str) -> Result<Signer> {
        let text = self.secrets.text_of(&self.secret, version).await?;
        self.signer(&text.ok_or(Error::bug("the version in the making was not written yet"))?)
    }

    fn signer(&self, text: &SecretText) -> Result<Signer> {
        Signer::new(&SigningKeyFile::parse(text.reveal())?, self.app.settings.issuer.clone())
    }
}

fn active(signer: &Signer) -> Result<&PublicKey> {
    signer.active_key().ok_or(Error::bug("there is no signing key"))
}

/// 256 bits as hexadecimal digits.
fn seed(bytes: [u8; 32]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}
