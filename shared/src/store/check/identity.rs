//! The checks of users, their credentials and sessions, and of the audit trail.

use super::super::item::Attributes;
use super::super::{api_keys, audit, identities, item, keys, public_keys, rate, sessions, users};
use super::Check;
use crate::domain::{InstallationId, Result, SessionId, UserId, Vcs};

impl Check<'_> {
    /// `false` if there is no such entity here.
    pub(super) async fn identity_item(&mut self, entity: &str) -> Result<bool> {
        match entity {
            "user" => self.user().await?,
            "administrator" => self.administrator().await?,
            "identity" => self.identity().await?,
            "identity-pointer" => self.identity_pointer().await?,
            "login" => self.login().await?,
            "sign-in" => self.sign_in(),
            "membership" => self.membership(),
            "membership-list" => self.membership_list(),
            "api-key" => self.api_key().await?,
            "api-key-place" => self.api_key_entry().await?,
            "audit" => self.audit_entry(),
            "session" => self.session(),
            "public-key" => _ = self.decoded(public_keys::decode(self.item)),
            "rate-budget" => _ = self.decoded(self.item.number::<i64>(rate::FULL_AT)),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Has an identity at each of its providers.
    async fn user(&mut self) -> Result<()> {
        let Some(id) = self.user_of_partition() else { return Ok(()) };
        let Some(user) = self.decoded(users::decode(id, self.item)) else { return Ok(()) };
        for vcs in user.vcs {
            let problem = format!("the user has no identity at {vcs}");
            self.require_item(identities::row_key(id, vcs), &problem, |_| true).await?;
        }
        Ok(())
    }

    /// Is a user.
    async fn administrator(&mut self) -> Result<()> {
        let id = self.partition().strip_prefix("administrator#").and_then(UserId::parse);
        let Some(id) = self.present(id, "its key names no user") else { return Ok(()) };
        self.require_user(id).await
    }

    /// Belongs to a user, and the provider's number leads to that user.
    async fn identity(&mut self) -> Result<()> {
        let Some(user) = self.user_of_partition() else { return Ok(()) };
        let vcs = self.sort_key().strip_prefix("identity#").and_then(Vcs::parse);
        let Some(vcs) = self.present(vcs, "its key names no provider") else { return Ok(()) };
        let Some(identity) = self.decoded(identities::decode(user, vcs, self.item)) else { return Ok(()) };
        let sealed = ["tokens", "tokens_id"].map(|name| self.item.contains_key(name));
        self.require(sealed[0] == sealed[1], "it has tokens without their id, or the other way around");
        self.require_user(user).await?;
        let pointer = item::key(keys::identity(vcs, identity.profile.id), keys::IDENTITY);
        let problem = "the provider's number does not lead to its user";
        self.require_item(pointer, problem, |pointer| pointer.parsed("user").is_ok_and(|found: UserId| found == user))
            .await
    }

    /// Leads to an identity with the same number.
    async fn identity_pointer(&mut self) -> Result<()> {
        let parse = |text: &str| {
            let (vcs, number) = text.strip_prefix("identity#")?.split_once('#')?;
            Some((Vcs::parse(vcs)?, number.parse::<u64>().ok()?))
        };
        let key = parse(self.partition());
        let Some((vcs, number)) = self.present(key, "its key names no identity") else { return Ok(()) };
        let Some(user) = self.decoded(self.item.parsed::<UserId>("user")) else { return Ok(()) };
        let problem = "its user has no identity with this number";
        let same = |identity: &item::Item| identity.find_number::<u64>("provider_id") == Some(number);
        self.require_item(identities::row_key(user, vcs), problem, same).await
    }

    /// Leads to a user. The login may have changed since.
    async fn login(&mut self) -> Result<()> {
        match self.decoded(self.item.parsed("user")) {
            Some(user) => self.require_user(user).await,
            None => Ok(()),
        }
    }

    fn sign_in(&mut self) {
        self.decoded(self.item.parsed::<Vcs>("vcs"));
        self.decoded(self.item.parsed::<Option<InstallationId>>("installation"));
        self.decoded(self.item.text("return_to"));
        self.require(self.item.find_bytes("browser").is_some_and(|hash| hash.len() == 32), "it names no browser");
    }

    /// Is listed under its own installation, if it is listed.
    fn membership(&mut self) {
        self.user_of_partition();
        let namespace = keys::parse_membership(self.sort_key());
        let Some(namespace) = self.present(namespace, "its key names no installation") else { return };
        let listed = self.item.find_text(keys::BY_INSTALLATION);
        let own = keys::members_of(namespace);
        self.require(listed.is_none_or(|listed| listed == own), "it is listed under another installation");
    }

    fn membership_list(&mut self) {
        self.user_of_partition();
        let number = ["drawn", "ticket"].iter().any(|name| self.item.find_number::<u64>(name).is_some());
        self.require(number, "it has no fence");
    }

    /// Has an entry in the listing, with the same ancestors.
    async fn api_key(&mut self) -> Result<()> {
        let Some(key) = self.decoded(api_keys::decode_row(self.item)) else { return Ok(()) };
        self.require_key(&api_keys::row_key(key.id));
        let entry = api_keys::listing_row(&key);
        let problem = "its entry in the listing is missing or different";
        self.require_item(api_keys::listing_key(&key), problem, |found| api_keys::same_entry(found, &entry)).await
    }

    /// Belongs to a key that is listed here.
    async fn api_key_entry(&mut self) -> Result<()> {
        let Some(id) = self.decoded(api_keys::key_of(self.item)) else { return Ok(()) };
        let Some(row) = self.find(&api_keys::row_key(id)).await? else {
            self.problem("its API key is missing");
            return Ok(());
        };
        // A key that cannot be read is a problem of its row.
        if let Ok(key) = api_keys::decode_row(&row) {
            self.require_key(&api_keys::listing_key(&key));
            let same = api_keys::same_entry(self.item, &api_keys::listing_row(&key));
            self.require(same, "it differs from its API key");
        }
        Ok(())
    }

    fn audit_entry(&mut self) {
        self.decoded(audit::decode(self.item));
        self.require(keys::parse_audit_sort_key(self.sort_key()).is_some(), "its sort key is no instant");
        self.require(self.item.find_text(keys::TRAIL).is_some(), "it is missing in the administrators' trail");
    }

    fn session(&mut self) {
        self.decoded(sessions::decode(SessionId::new([0; 32]), self.item));
        self.require(self.item.find_number::<i64>(keys::TTL).is_some(), "it does not expire");
    }

    fn user_of_partition(&mut self) -> Option<UserId> {
        self.present(keys::parse_user(self.partition()), "its key names no user")
    }

    async fn require_user(&mut self, id: UserId) -> Result<()> {
        self.require_item(item::key(keys::user(id), keys::PROFILE), "its user is missing", |_| true).await
    }
}
