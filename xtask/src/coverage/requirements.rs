//! Reads the requirement rows out of `requirements.md`, and says which role each belongs to.
//!
//! A row is a line of a table whose first column is headed `ID`. The disagreements of section 15 (`D-…`) are
//! decisions, not requirements, and are left out. The errors of section 17 have no level column; their basis
//! counts instead: `T` where the text of a standard fixes the answer, `D` where we decided.

use anyhow::{Result, bail};

/// One requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: String,
    /// The number of the innermost heading, such as `2.1`.
    pub(crate) section: String,
    /// As written, such as `MUST` or `SHOULD/MAY`; `T` or `D` in section 17.
    pub(crate) level: String,
    pub(crate) role: Role,
}

/// Whom a row binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    CrlSource,
    Errors,
    Freshness,
    Http,
    Other,
    Responder,
    SignerCertificate,
    Stapling,
    Types,
}

impl Role {
    /// Is this one of the roles that the responder plays?
    pub(crate) fn is_ours(self) -> bool {
        matches!(
            self,
            Self::Errors
                | Self::Freshness
                | Self::Http
                | Self::Responder
                | Self::SignerCertificate
                | Self::Types
        )
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::CrlSource => "crl-source",
            Self::Errors => "errors",
            Self::Freshness => "freshness",
            Self::Http => "http",
            Self::Other => "other",
            Self::Responder => "responder",
            Self::SignerCertificate => "signer-certificate",
            Self::Stapling => "stapling",
            Self::Types => "types",
        }
    }
}

impl Row {
    /// Does the row have to be covered? Obligations and facts do; so do the house's own rules on freshness and
    /// errors, which are decisions but are promised whole.
    pub(crate) fn is_required(&self) -> bool {
        let strong = ["MUST", "BR", "FACT"]
            .iter()
            .any(|word| self.level.contains(word));
        self.role.is_ours()
            && (strong || self.level == "T" || matches!(self.role, Role::Errors | Role::Freshness))
    }
}

/// Rows of section 3 that bind clients (its heading lists them).
const CLIENT_ROWS: [&str; 9] = [
    "R4648-3.2-1",
    "R6960-A.1-1",
    "R6960-A.1-2",
    "R6960-A.1-3",
    "R6960-A.2-3",
    "R9111-4.2.1-1",
    "R9919-6-2",
    "R9919-6-3",
    "R9919-7.2-8",
];

/// Reads all rows, in the order of the document.
pub(crate) fn read(text: &str) -> Result<Vec<Row>> {
    let mut rows: Vec<Row> = Vec::new();
    let mut section = String::new();
    let mut columns: Option<Columns> = None;
    for line in text.lines() {
        if let Some(heading) = line
            .strip_prefix("## ")
            .or_else(|| line.strip_prefix("### "))
        {
            let number = heading.split(' ').next().unwrap_or_default();
            section = number.trim_end_matches('.').to_owned();
        }
        let Some(cells) = cells(line) else {
            columns = None;
            continue;
        };
        let Some(known) = &columns else {
            columns = Some(Columns::of(&cells));
            continue;
        };
        let Some(row) = known.row(&cells, &section) else {
            continue;
        };
        if rows.iter().any(|other| other.id == row.id) {
            bail!("requirement {} stands twice", row.id);
        }
        rows.push(row);
    }
    if rows.is_empty() {
        bail!("no table of requirements found");
    }
    Ok(rows)
}

fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(inner.split('|').map(str::trim).collect())
}

/// Where the columns of a table stand.
#[derive(Debug)]
struct Columns {
    is_requirements: bool,
    level: Option<usize>,
    role: Option<usize>,
    basis: Option<usize>,
}

impl Columns {
    fn of(header: &[&str]) -> Self {
        let find = |wanted: &[&str]| header.iter().position(|cell| wanted.contains(cell));
        Self {
            is_requirements: header.first() == Some(&"ID"),
            level: find(&["Level"]),
            role: find(&["Role", "Programme / role"]),
            basis: find(&["Basis"]),
        }
    }

    fn row(&self, cells: &[&str], section: &str) -> Option<Row> {
        let id = *cells.first()?;
        if !self.is_requirements || id.starts_with("---") || section == "15" {
            return None;
        }
        let cell = |at: Option<usize>| at.and_then(|at| cells.get(at)).copied();
        let level = match (cell(self.level), cell(self.basis)) {
            (Some(level), _) => level,
            (None, Some(basis)) if basis.trim_start_matches('*').starts_with('T') => "T",
            _ => "D",
        };
        Some(Row {
            id: id.to_owned(),
            section: section.to_owned(),
            level: level.to_owned(),
            role: role(id, section, cell(self.role).unwrap_or_default()),
        })
    }
}

/// The role index of the document, as a function.
fn role(id: &str, section: &str, column: &str) -> Role {
    if CLIENT_ROWS.contains(&id) {
        return Role::Client;
    }
    let chapter = section.split('.').next().unwrap_or_default();
    match (chapter, section) {
        ("1", _) => Role::Types,
        ("2", _) => Role::Responder,
        ("3", _) => Role::Http,
        (_, "4.6") | ("5", _) => Role::Stapling,
        ("4", _) => Role::Client,
        ("6", _) => Role::CrlSource,
        ("7", _) => Role::SignerCertificate,
        ("8", _) if column == "Verifier" => Role::Client,
        ("8", _) => Role::SignerCertificate,
        ("10", _) => programme_role(id),
        ("11", _) if column.contains("Responder") => Role::Responder,
        ("11", _) if column == "HTTP" => Role::Http,
        ("11", _) if column == "CRL" => Role::CrlSource,
        ("11", _) => Role::Client,
        ("12" | "13", _) => profile_role(id),
        ("14", _) => Role::Freshness,
        ("17", _) => Role::Errors,
        _ => Role::Other,
    }
}

fn programme_role(id: &str) -> Role {
    match id {
        "MS-3.1.18-1" | "MS-3.1.6-1" | "MOZ-7.5-1" => Role::SignerCertificate,
        "MS-3.1.10-1" | "APL-2.1-1" => Role::CrlSource,
        _ if id.starts_with("MOZ-") || id.starts_with("MS-3.2.2-") => Role::Responder,
        _ => Role::Other,
    }
}

fn profile_role(id: &str) -> Role {
    match id {
        "TGPP-7.1-3" => Role::Http,
        "ISO20-1021" | "OCPP-1" => Role::Responder,
        "ISO20-2389.." => Role::SignerCertificate,
        _ => Role::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "\
## 2. Responder

| ID | Level | Requirement | Test |
| --- | --- | --- | --- |
| R1-1 | MUST | do it | so |
| R1-2 | SHOULD/MAY | perhaps | so |

| Role | Own |
| --- | --- |
| Linter | nothing |

### 3.2 RFC 9919

| ID | Level | Requirement | Test |
| --- | --- | --- | --- |
| R9919-6-2 | MUST | a client | so |
| R9919-6-4 | FACT | headers | so |

## 8. Algorithms

| ID | Role | Level | Requirement | Test |
| --- | --- | --- | --- | --- |
| R4055-5-1 | Verifier | MUST | null | so |
| ALG-2 | Both | DERIVED | size | so |

## 15. Disagreements

| ID | Conflict | Evidence | What we do |
| --- | --- | --- | --- |
| D-1 | a | b | c |

### 17.3 No definitive answer

| ID | Input | Body | Basis |
| --- | --- | --- | --- |
| E-31 | a | b | **T 9919 MUST** |
| E-35 | a | b | D (it is expired) |
";

    fn sample(id: &str) -> Row {
        read(SAMPLE)
            .unwrap()
            .into_iter()
            .find(|row| row.id == id)
            .unwrap()
    }

    #[test]
    fn read_finds_the_rows_of_requirement_tables_only() {
        let ids: Vec<String> = read(SAMPLE)
            .unwrap()
            .into_iter()
            .map(|row| row.id)
            .collect();
        let expected = [
            "R1-1",
            "R1-2",
            "R9919-6-2",
            "R9919-6-4",
            "R4055-5-1",
            "ALG-2",
            "E-31",
            "E-35",
        ];
        assert_eq!(ids, expected);
    }

    #[test]
    fn read_knows_section_and_level() {
        assert_eq!(sample("R1-1").section, "2");
        assert_eq!(sample("R9919-6-4").section, "3.2");
        assert_eq!(sample("R1-2").level, "SHOULD/MAY");
        assert_eq!(sample("ALG-2").level, "DERIVED");
        assert_eq!(
            (sample("E-31").level, sample("E-35").level),
            ("T".to_owned(), "D".to_owned())
        );
    }

    #[test]
    fn role_separates_responder_from_client() {
        assert_eq!(sample("R9919-6-2").role, Role::Client);
        assert_eq!(sample("R9919-6-4").role, Role::Http);
        assert_eq!(sample("R4055-5-1").role, Role::Client);
        assert_eq!(sample("ALG-2").role, Role::SignerCertificate);
        assert_eq!(sample("E-31").role, Role::Errors);
        assert_eq!(role("X-1", "4.6", ""), Role::Stapling);
        assert_eq!(role("X-1", "4.1", ""), Role::Client);
        assert_eq!(role("ETSI1-X", "11", "Responder + CRL"), Role::Responder);
        assert_eq!(role("ETSI1-X", "11", "CRL"), Role::CrlSource);
        assert_eq!(
            role("MS-3.2.2-1", "10", "Microsoft / responder"),
            Role::Responder
        );
        assert_eq!(role("CHR-1", "10", "Chrome"), Role::Other);
    }

    #[test]
    fn required_are_obligations_facts_and_the_house_rules_on_errors() {
        for id in ["R1-1", "R9919-6-4", "E-31", "E-35"] {
            assert!(sample(id).is_required(), "{id}");
        }
        for id in ["R1-2", "R9919-6-2", "R4055-5-1", "ALG-2"] {
            assert!(!sample(id).is_required(), "{id}");
        }
    }

    #[test]
    fn read_of_a_doubled_row_is_an_error() {
        let doubled = format!("{SAMPLE}| E-31 | a | b | D |\n");
        assert_eq!(
            read(&doubled).unwrap_err().to_string(),
            "requirement E-31 stands twice"
        );
    }

    #[test]
    fn read_without_any_row_is_an_error() {
        assert!(read("# Nothing\n").is_err());
    }
}
