//! The proof of an answer, made again from its octets: for whoever shows it, keeps it, or reads what somebody kept.

use certvouch_verify::{
    DelegateRevocation, Moment, Query, QueryError, VerifiedCrls, VerifiedResponse, VerifyError,
};

use crate::answer::Checked;
use crate::policy::Policy;
use crate::question::Question;

/// What the octets prove.
#[derive(Debug)]
#[non_exhaustive]
pub enum Proof<'a> {
    /// A verified response.
    Response(Box<VerifiedResponse<'a>>),
    /// Verified CRLs.
    Crls(VerifiedCrls<'a>),
}

/// Verifies the octets of an answer, or of what was refused, by the rules of a policy and for a moment, and hands the
/// result to `read`. Nobody is asked.
///
/// # Errors
/// [`QueryError`]: certificate and issuer do not belong together.
pub fn prove<T>(
    question: &Question,
    checked: &Checked,
    moment: Moment,
    policy: &Policy,
    read: impl FnOnce(&Query<'_>, Result<Proof<'_>, VerifyError>) -> T,
) -> Result<T, QueryError> {
    let profile = policy.profile_for_request();
    match checked {
        Checked::Crls(crls) => {
            let query = question.query(None, policy.sha1_signatures)?;
            let verified = query.verify_crls(&question.crl_set(crls), moment, &profile);
            Ok(read(&query, verified.map(Proof::Crls)))
        }
        Checked::Response {
            der,
            request,
            delegate_crls,
        } => {
            let query = question
                .query(request.as_deref(), policy.sha1_signatures)
                .or_else(|_: QueryError| question.query(None, policy.sha1_signatures))?;
            let crls = match delegate_crls.is_empty() {
                true => &question.crls,
                false => delegate_crls,
            };
            let set = question.crl_set(crls);
            let revocation = match set.is_empty() {
                true => DelegateRevocation::Unknown,
                false => DelegateRevocation::Crls(&set),
            };
            let verified = query.verify_at(der, moment, &profile, revocation);
            Ok(read(
                &query,
                verified.map(|verified| Proof::Response(Box::new(verified))),
            ))
        }
    }
}
