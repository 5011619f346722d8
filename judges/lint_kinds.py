"""Lints the OCSP responses of a folder (its .der files, folders below it too) with pkilint, as its lint_ocsp_response does.

Prints one line for each finding of severity notice or worse, and at the end how many files were read. Ends with 1 if
there was a finding, 2 if a file cannot be read at all.
"""

import pathlib
import sys

from pkilint import loader, pkix, report, validation
from pkilint.pkix import extension, name, ocsp


def main(folder):
    container = ocsp.create_pkix_ocsp_response_validator_container(
        [
            ocsp.create_response_decoder(),
            pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
            pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
        ],
        [],
    )
    load = loader.RFC6960OCSPResponseDocumentLoader()
    files = sorted(pathlib.Path(folder).rglob("*.der"))
    count = 0
    for path in files:
        document = load.load_der_file(path.open("rb"), str(path), None, None)
        results = container.validate(document.root)
        severity = validation.ValidationFindingSeverity.NOTICE
        found = report.get_findings_count(results, severity)
        if found:
            count += found
            text = report.ReportGeneratorPlaintext(results, severity).generate()
            print(f"{path.relative_to(folder)}: {' / '.join(text.splitlines())}")
    print(f"pkilint: {len(files)} files, {count} findings")
    return 1 if count or not files else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except ValueError as error:
        print(error)
        sys.exit(2)
