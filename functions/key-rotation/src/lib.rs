//! Rotates the signing key. Secrets Manager calls this function.
//!
//! It calls once for each of four steps, and again for a step that failed. Every step can be repeated, and an
//! interrupted rotation is continued. The function does not wait until verifiers know the new key: signers use a key
//! only when it has been published for `terrapi::auth::HEAD_START_SECONDS`, and until then they sign with the previous
//! seed, which stays in the secret.

use serde::Deserialize;
use terrapi::auth::{Claims, HEAD_START_SECONDS, PublicKey, Signer, SigningKeyFile, Verifier};
use terrapi::domain::{Capabilities, Error, KeyId, Result, Seconds, SecretText, UserId};
use terrapi::runtime::{App, Secrets, Version};

/// How many seconds a key is trusted after it was replaced. Its last token expires within minutes; the rest is for
/// signers that temporarily cannot reach Secrets Manager.
pub const RETIRING_SECONDS: i64 = 3_600;

/// The event of Secrets Manager.
///
/// Shape: `{"Step": "createSecret", "SecretId": "arn:…", "ClientRequestToken": "<version>"}`, with further members.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RotationEvent {
    pub step: Step,
    /// The secret's ARN.
    pub secret_id: String,
    /// The version that is being rotated to.
    pub client_request_token: String,
}

/// The steps, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Step {
    /// Write the new version with a new seed.
    #[serde(rename = "createSecret")]
    Create,
    /// Publish its public key.
    #[serde(rename = "setSecret")]
    Set,
    /// Check that verifiers accept its tokens.
    #[serde(rename = "testSecret")]
    Test,
    /// Make it the current version, and retire the previous key.
    #[serde(rename = "finishSecret")]
    Finish,
    /// Not a step of Secrets Manager, but of an operator who has made an older version current again: trust its key
    /// without an end, and retire the others.
    #[serde(rename = "rollBack")]
    RollBack,
}

pub struct Rotation {
    pub secrets: Secrets,
    /// The ARN of the only secret that this function rotates.
    pub secret: String,
    pub app: App,
}

impl Rotation {
    /// Executes one step. A step that failed can be repeated.
    ///
    /// # Errors
    /// The secret is another one, the version is not pending, an earlier step is missing, or Secrets Manager or
    /// DynamoDB is unavailable.
    pub async fn step(&self, event: &RotationEvent) -> Result<()> {
        let version = event.client_request_token.as_str();
        if event.secret_id != self.secret {
            return Err(Error::bug("the event names another secret"));
        }
        match (self.secrets.version(&self.secret, version).await?, event.step) {
            (Version::Other, _) => return Err(Error::bug("the event names a version that is not pending")),
            // Repeated because the answer was lost, or because the process died after the call that made the version
            // current.
            (Version::Current, Step::Finish) => self.retire_others(version).await?,
            (Version::Current, Step::RollBack) => self.reinstate(version).await?,
            (Version::Current, _) => {}
            (Version::Pending { .. }, Step::Create) => self.create(version).await?,
            (Version::Pending { .. }, Step::Set) => {
                self.app.store.publish_key(active(&self.signer_of(version).await?)?, self.app.clock.now()).await?;
            }
            (Version::Pending { .. }, Step::RollBack) => {
                return Err(Error::bug("the event rolls back to a version that is not current"));
            }
            (Version::Pending { .. }, Step::Test) if self.is_trial(version).await? => {}
            (Version::Pending { .. }, Step::Test) => self.test(version).await?,
            (Version::Pending { current }, Step::Finish) => {
                self.test(version).await?;
                self.secrets.promote(&self.secret, version, &current).await?;
                self.retire_others(version).await?;
            }
        }
        tracing::info!(step = ?event.step, version, "a rotation step is complete");
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
        let within_head_start = |since: Seconds| since.plus(HEAD_START_SECONDS) > now;
        // Creating a version drops the seed before the current one, so no signer may need that any more.
        if published
            .iter()
            .any(|known| Some(&known.key) == in_use.active_key() && within_head_start(known.since.seconds()))
        {
            return Err(Error::bug("the key of the last rotation does not sign yet"));
        }
        let next = current.succeeded_by(seed(self.app.random.bytes()?));
        self.secrets.put_pending(&self.secret, version, &next.to_text()?).await
    }

    /// Whether Secrets Manager only tests the function, as it does when a schedule is created: the version is empty or
    /// equal to the current one.
    async fn is_trial(&self, version: &str) -> Result<bool> {
        let current = self.secrets.current(&self.secret).await?;
        let text = self.secrets.text_of(&self.secret, version).await?;
        Ok(text.is_none_or(|text| text == current))
    }

    /// Signs a token with the new key and verifies it with the published keys.
    async fn test(&self, version: &str) -> Result<()> {
        let (signer, now) = (self.signer_of(version).await?, self.app.clock.now().seconds());
        let verifier = Verifier::new(&self.app.settings.issuer);
        verifier.replace_keys(&self.app.store.list_public_keys(now).await?);
        let id = self.app.random.id()?;
        let claims = Claims::new(signer.issuer(), now, id, UserId::new(id), KeyId::new(id), Capabilities::default());
        let verdict = verifier.verify(&signer.sign(&claims)?, now);
        verdict.map(|_| ()).map_err(|_| Error::bug("the new key is not published"))
    }

    /// Retires every key except that of this version.
    async fn retire_others(&self, version: &str) -> Result<()> {
        let now = self.app.clock.now().seconds();
        // The current version is not read here, because that answer may be outdated.
        let in_use = self.signer_of(version).await?;
        for known in self.app.store.list_published_keys(now).await? {
            if Some(&known.key) != in_use.active_key() && known.until.is_none() {
                self.app.store.retire_key(&known.key.kid, now.plus(RETIRING_SECONDS)).await?;
                tracing::info!(kid = known.key.kid, version, "a key was retired");
            }
        }
        Ok(())
    }

    /// Removes the end of the current version's key.
    async fn reinstate(&self, version: &str) -> Result<()> {
        let signer = self.signer_of(version).await?;
        let key = active(&signer)?;
        self.app.store.publish_key(key, self.app.clock.now()).await?;
        self.app.store.reinstate_key(&key.kid).await?;
        tracing::warn!(kid = key.kid, version, "a key was reinstated");
        self.retire_others(version).await
    }

    /// The signer of a version.
    async fn signer_of(&self, version: &str) -> Result<Signer> {
        let text = self.secrets.text_of(&self.secret, version).await?;
        self.signer(&text.ok_or(Error::bug("the version has not been written yet"))?)
    }

    fn signer(&self, text: &SecretText) -> Result<Signer> {
        Signer::new(&SigningKeyFile::parse(text.reveal())?, self.app.settings.issuer.clone())
    }
}

fn active(signer: &Signer) -> Result<&PublicKey> {
    signer.active_key().ok_or(Error::bug("no signing key is configured"))
}

/// 256 bits as hexadecimal digits.
fn seed(bytes: [u8; 32]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}
