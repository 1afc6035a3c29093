"""What may stand in an HTTP header that a client gave (RFC 9110 section 5.5): visible ASCII, spaces only inside."""

import re

HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
