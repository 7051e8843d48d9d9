//! Acting for a person at a provider: the token they gave by signing in, renewed when it is about to end.

use std::time::Duration;

use uuid::Uuid;

use crate::deadline;
use crate::domain::{Code, Error, Identity, Result, SecretText, UserId, UserTokens, Vcs};
use crate::runtime::App;
use crate::store::{SealedTokens, Store};
use crate::vcs::Failure;

/// How long a renewal may take before another one may begin, in seconds: a call to the provider and one to storage.
const CLAIM_SECONDS: i64 = 15;
/// How often somebody else's renewal is looked after, and how far apart.
const LOOKS: usize = 50;
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// A renewal is begun only with this much time left: a call to the provider and two to storage. Broken off in between, it
/// would leave a refresh token that is used up.
const RENEWAL: Duration = Duration::from_secs(12);

impl App {
    /// The token with which this person's own requests go to a provider. One that is about to end is renewed first, by
    /// one caller however many ask at once: what buys the next token is good for one call.
    ///
    /// # Errors
    /// * not found: the provider is not configured, or the person has no identity there;
    /// * forbidden, `PROVIDER_REJECTED`: they have to sign in again;
    /// * unavailable: the provider or storage is away, or somebody else's renewal does not end.
    pub async fn vcs_token(&self, user: UserId, vcs: Vcs) -> Result<SecretText> {
        self.vcs_identity(user, vcs).await.map(|(_, token)| token)
    }

    /// The same with who the person is there, which the token's row tells too.
    pub async fn vcs_identity(&self, user: UserId, vcs: Vcs) -> Result<(Identity, SecretText)> {
        self.providers.get(vcs)?;
        for _ in 0..LOOKS {
            let (identity, sealed) = self.store.find_tokens(user, vcs).await?.ok_or(Error::NotFound)?;
            let sealed = sealed.ok_or_else(sign_in_again)?;
            let tokens = self.unseal(&identity, &sealed)?;
            let now = self.clock.now().seconds();
            if !tokens.due(now) {
                return Ok((identity, tokens.access));
            }
            let over = tokens.refresh_expires_at.is_some_and(|end| end <= now);
            let refresh = tokens.refresh.filter(|_| !over).ok_or_else(sign_in_again)?;
            deadline::demand(RENEWAL)?;
            let (claim, until) = (self.random.id()?, now.plus(CLAIM_SECONDS));
            if self.store.claim_renewal(&identity, sealed.id, claim, now, until).await? {
                if let Some(token) = self.renew(&identity, &refresh, claim).await? {
                    return Ok((identity, token));
                }
                continue;
            }
            deadline::demand(LOOK_AGAIN)?;
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Err(Error::unavailable("somebody else's renewal of a token does not end"))
    }

    /// Seals tokens for the row of their identity.
    pub fn seal(&self, vcs: Vcs, provider_id: u64, tokens: &UserTokens) -> Result<SealedTokens> {
        let keys = self.providers.sealing()?;
        let text = serde_json::to_vec(tokens).map(zeroize::Zeroizing::new);
        let text = text.map_err(|error| Error::internal("writing tokens", error))?;
        let bytes = keys.seal(&text, &Store::binding(vcs, provider_id), self.random.bytes()?)?;
        Ok(SealedTokens { id: self.random.id()?, bytes })
    }

    fn unseal(&self, identity: &Identity, sealed: &SealedTokens) -> Result<UserTokens> {
        let keys = self.providers.sealing()?;
        let Some(text) = keys.open(&sealed.bytes, &Store::binding(identity.vcs, identity.profile.id)) else {
            tracing::warn!("tokens are sealed under a key that is not held any longer");
            return Err(sign_in_again());
        };
        // The reader's own words would quote the text.
        serde_json::from_slice(&text).map_err(|_| Error::bug("sealed tokens are malformed"))
    }

    /// `None`: a sign-in has brought others meanwhile.
    async fn renew(&self, identity: &Identity, refresh: &SecretText, claim: Uuid) -> Result<Option<SecretText>> {
        let renewed = self.providers.get(identity.vcs)?.oauth().refresh(refresh, self.clock.now()).await;
        let tokens = match renewed {
            Ok(tokens) => tokens,
            Err(failure) => {
                let useless = matches!(failure, Failure::Rejected);
                // When the claim cannot be given up, it ends by itself.
                let own = self.store.release_renewal(identity, claim, useless).await.unwrap_or(true);
                return if own { Err(failure.into()) } else { Ok(None) };
            }
        };
        let next = self.seal(identity.vcs, identity.profile.id, &tokens)?;
        // The token is good whether or not it could be kept; without, its owner has to sign in again later.
        if let Err(error) = self.store.put_renewed_tokens(identity, &next, claim).await {
            tracing::error!(%error, "a renewed token was not kept");
        }
        Ok(Some(tokens.access))
    }
}

fn sign_in_again() -> Error {
    Error::forbidden(Code::ProviderRejected)
}
