//! The token with which this service calls a provider on behalf of a person. It is renewed shortly before it expires.

use std::time::Duration;

use uuid::Uuid;

use crate::deadline;
use crate::domain::{Code, Error, Identity, Result, SecretText, UserId, UserTokens, Vcs};
use crate::runtime::App;
use crate::store::{SealedTokens, Store};
use crate::vcs::Failure;

/// How many seconds a renewal may take before another one may start: one call to the provider and one to DynamoDB.
const CLAIM_SECONDS: i64 = 15;
/// How many times to poll while another sandbox renews the token, and how often.
const MAX_POLLS: usize = 50;
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// How much time a renewal needs: one call to the provider and two to DynamoDB. If it were interrupted in between, the
/// refresh token would be used up.
const RENEWAL_TIME: Duration = Duration::from_secs(12);

impl App {
    /// The person's token for a provider. A token that expires soon is renewed first, by one request at a time, because
    /// a refresh token is good for one call.
    ///
    /// # Errors
    /// * not found: the provider is not configured, or the person has no identity there;
    /// * forbidden, `PROVIDER_REJECTED`: the person must sign in again;
    /// * unavailable: the provider or DynamoDB is unavailable, or a renewal by another sandbox does not finish.
    pub async fn vcs_token(&self, user: UserId, vcs: Vcs) -> Result<SecretText> {
        self.vcs_identity(user, vcs).await.map(|(_, token)| token)
    }

    /// As [`Self::vcs_token`], with the person's identity, which is stored with the token.
    pub async fn vcs_identity(&self, user: UserId, vcs: Vcs) -> Result<(Identity, SecretText)> {
        self.providers.get(vcs)?;
        for _ in 0..MAX_POLLS {
            let (identity, sealed) = self.store.find_tokens(user, vcs).await?.ok_or(Error::NotFound)?;
            let sealed = sealed.ok_or_else(sign_in_again)?;
            let tokens = self.unseal(&identity, &sealed)?;
            let now = self.clock.now().seconds();
            if !tokens.due(now) {
                return Ok((identity, tokens.access));
            }
            let over = tokens.refresh_expires_at.is_some_and(|end| end <= now);
            let refresh = tokens.refresh.filter(|_| !over).ok_or_else(sign_in_again)?;
            deadline::demand(RENEWAL_TIME)?;
            let (claim, until) = (self.random.id()?, now.plus(CLAIM_SECONDS));
            if self.store.claim_renewal(&identity, sealed.id, claim, now, until).await? {
                if let Some(token) = self.renew(&identity, &refresh, claim).await? {
                    return Ok((identity, token));
                }
                continue;
            }
            deadline::demand(POLL_INTERVAL)?;
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Err(Error::unavailable("a token renewal by another sandbox does not finish"))
    }

    /// Encrypts tokens for the row of their identity.
    pub fn seal(&self, vcs: Vcs, provider_id: u64, tokens: &UserTokens) -> Result<SealedTokens> {
        let keys = self.providers.sealing()?;
        let text = serde_json::to_vec(tokens).map(zeroize::Zeroizing::new);
        let text = text.map_err(|error| Error::internal("encoding tokens", error))?;
        let bytes = keys.seal(&text, &Store::binding(vcs, provider_id), self.random.bytes()?)?;
        Ok(SealedTokens { id: self.random.id()?, bytes })
    }

    fn unseal(&self, identity: &Identity, sealed: &SealedTokens) -> Result<UserTokens> {
        let keys = self.providers.sealing()?;
        let Some(text) = keys.open(&sealed.bytes, &Store::binding(identity.vcs, identity.profile.id)) else {
            tracing::warn!("tokens are sealed under a key that is no longer configured");
            return Err(sign_in_again());
        };
        // The parser's error would quote the tokens.
        serde_json::from_slice(&text).map_err(|_| Error::bug("sealed tokens are malformed"))
    }

    /// Returns `None` if a sign-in has stored other tokens meanwhile.
    async fn renew(&self, identity: &Identity, refresh: &SecretText, claim: Uuid) -> Result<Option<SecretText>> {
        let renewed = self.providers.get(identity.vcs)?.oauth().refresh(refresh, self.clock.now()).await;
        let tokens = match renewed {
            Ok(tokens) => tokens,
            Err(failure) => {
                let useless = matches!(failure, Failure::Rejected);
                // If the claim cannot be released, it expires.
                let own = self.store.release_renewal(identity, claim, useless).await.unwrap_or(true);
                return if own { Err(failure.into()) } else { Ok(None) };
            }
        };
        let next = self.seal(identity.vcs, identity.profile.id, &tokens)?;
        // The token can be used even if it could not be stored. In that case the person must sign in again later.
        if let Err(error) = self.store.put_renewed_tokens(identity, &next, claim).await {
            tracing::error!(%error, "a renewed token could not be stored");
        }
        Ok(Some(tokens.access))
    }
}

fn sign_in_again() -> Error {
    Error::forbidden(Code::ProviderRejected)
}
