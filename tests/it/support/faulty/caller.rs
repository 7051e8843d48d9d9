//! Who makes a call: its access key id names the caller.
//!
//! An access key id holds only letters and digits, which `DynamoDB` Local checks, and a function's name holds hyphens.

/// The access key id of a caller. A caller's name must not hold the digit 0.
pub fn access_key_id(caller: &str) -> String {
    caller.replace('-', "0")
}

/// The caller that signed a request, by its `Authorization` header.
pub fn caller_of(authorization: &str) -> Option<String> {
    let (_, credential) = authorization.split_once("Credential=")?;
    Some(credential.split('/').next()?.replace('0', "-"))
}
