"""What is known to have got past an HTTP proxy, in words, and where it is tried here.

The lists come from measurements of the HTTP/1 parser and of the failures of a proxy that fails open. A trick of
`AT_THE_PARSER` names entries of the corpus, whole or by how they begin (`...*`), each of which belongs to one trick;
one of `ELSEWHERE` and of `FAIL_OPEN` names tests, because it is no single request. test_tricks.py holds it together.
"""

type Entries = dict[str, tuple[str, ...]]
"""Of each family of the corpus."""

AT_THE_PARSER: dict[str, Entries] = {
    "a length and chunks at once": {"transfers": ("length, then chunked", "chunked, then length")},
    "two lengths": {"lengths": ("two the same", "two that differ", "a list")},
    "a length in another spelling of numbers": {
        "lengths": ("a sign", "hex", "negative", "an underscore", "a dot", "an exponent", "empty", "two words",
                    "a leading zero", "zeros without end", "digits of another script", "past 64 bits"),
    },
    "a length folded, or with odd blanks": {
        "lengths": ("folded*", "vertical tab", "form feed", "NUL"),
    },
    "a length that is not the body's": {
        "lengths": ("zero and a body", "none and a body", "far too long", "one too many"),
    },
    "a blank before the colon": {
        "lengths": ("space before the colon", "tab before the colon"),
        "transfers": ("space before the colon",),
        "headers": ("space before the colon of Host",),
    },
    "a framing header with underscores, or nearly its name": {
        "lengths": ("an underscore in the name",),
        "transfers": ("an underscore in the name", "a dash too many"),
    },
    "a transfer coding": {"transfers": ("chunked", "coded *", "two of them", "in HTTP/1.0", "TE")},
    "a chunk's size in another spelling": {"transfers": ("hex size*", "negative size", "size *")},
    "what stands behind the last chunk": {
        "transfers": ("trailers*", "a footer that is no header", "a chunk without its end"),
    },
    "a header that is none": {
        "headers": ("no colon", "no name", "a space in the name", "a slash in the name", "eight bits in the name",
                    "NUL in the name", "a leading space in the first"),
    },
    "a folded header": {"headers": ("folded*",)},
    "control characters and eight bits in a header": {
        "headers": ("bare CR", "bare LF", "NUL", "an escape", "eight bits", "DEL"),
    },
    "bare line feeds": {"headers": ("bare line feeds", "one bare line feed")},
    "a header of the signature twice, or nearly its name": {
        "headers": ("two key headers", "two signatures", "two timestamps", "the key with underscores"),
    },
    "a header of the signature named as hop by hop": {
        "headers": ("the key named as hop by hop", "closing, and the key named as hop by hop"),
    },
    "a body of another type": {"headers": ("two content types", "a form", "JSON in UTF-16")},
    "a head without end": {
        "headers": ("65 of them", "5,000 of them", "a long one", "a very long one", "a long name"),
        "targets": ("path of 5,000", "path of 200,000"),
    },
    "an Expect": {"headers": ("Expect*", "another Expect")},
    "a coded body, or a bomb": {
        "headers": ("gzip", "deflate", "a bomb", "br", "zstd", "identity and gzip", "identity"),
    },
    "another method, path, host or user by a header": {"overrides": ("*",)},
    "a method in another case, or with odd bytes": {"lines": ("lower case", "mixed case", "a method with a NUL")},
    "a method that is not the endpoint's": {
        "lines": ("an unknown method", "TRACE", "TRACK", "PATCH", "PUT", "HEAD", "OPTIONS", "OPTIONS \\*", "PROPFIND",
                  "M-SEARCH"),
    },
    "another protocol's request line": {"lines": ("PRI", "RTSP", "ICE")},
    "other blanks in the request line": {
        "lines": ("a method and a tab", "a vertical tab", "a form feed", "two spaces*"),
    },
    "another version": {"lines": ("HTTP*", "http/1.1", "no version")},
    "something before the request line": {"lines": ("a blank line first", "a line feed first", "a space first")},
    "a read with a body": {"lines": ("GET with an order",)},
    "a CONNECT where none belongs": {"lines": ("CONNECT again", "CONNECT to the exchange")},
    "an absolute target": {"targets": ("absolute *",)},
    "slashes, dots and backslashes in a path": {
        "targets": ("path //*", "path /trade-api//*", "path /trade-api/v2/portfolio/events/orders/*", "path /../*",
                    "path /trade-api/v2/x/../*", "path /trade-api/v2/./*", "path /trade-api/v2/portfolio\\events*"),
    },
    "percent signs in a path": {
        "targets": ("path /trade-api/v2/portfolio/events/%*", "path /trade-api/v2/portfolio%*",
                    "path /trade-api/v2/x/%*", "path /trade-api/v2/portfolio/events/orders%*"),
    },
    "parameters and a fragment in a path": {
        "targets": ("path /trade-api/v2/portfolio/events/orders;*", "path /trade-api/v2/portfolio;*",
                    "path /trade-api/v2/portfolio/events/orders#*"),
    },
    "odd bytes in a path": {
        "targets": ("path /trade-api/v2/portfolio/events/\xf6rders", "path /trade-api/v2/portfolio/events/orders\0",
                    "path /trade-api/v2/portfolio/events/orders\x0b"),
    },
    "a path that is nearly an endpoint's": {
        "targets": ("path /Trade*", "path /trade-api/v2/portfolio/events/ORDERS", "path /trade-api/v3*",
                    "path /trade-api/v2/portfolio/events/orders.json", "path trade*", "path \\*", "path /"),
    },
    "an order's figures in the query": {"targets": ("query *", "an empty query")},
    "an upgrade": {"upgrades": ("*",)},
    "another host, two, a list, or none": {"hosts": ("*",)},
    "bytes of another protocol": {"raw": ("*",)},
}  # fmt: skip

_TUNNELS, _FAIL_OPEN = "hostile/test_tunnels.py::", "hostile/test_fail_open.py::"
_CLOSED, _OPTIONS = "gateway/front/test_failclosed.py::", "gateway/front/test_options.py::"

ELSEWHERE: dict[str, tuple[str, ...]] = {
    "several requests in one piece": (_TUNNELS + "test_pipelined_orders_are_one_decision_each",
                                      "hostile/test_pieces.py::test_any_cut_gives_the_same_requests"),
    "a request in many pieces": (_TUNNELS + "test_a_split_request_is_one_request",),
    "a request behind one that was refused": (_TUNNELS + "test_nothing_is_read_behind_a_refused_frame",),
    "half a connection": (_TUNNELS + "test_half_a_connection_is_answered_or_closed",),
    "a request that takes its time": (_TUNNELS + "test_slow_requests_are_hung_up_on",),
    "tunnel, TLS name and Host that differ": (_TUNNELS + "test_every_mix_of_addresses",),
    "bytes that are no TLS inside a tunnel": (_TUNNELS + "test_raw_bytes_inside_a_tunnel",
                                              _TUNNELS + "test_bytes_together_with_the_connect"),
    "a tunnel to an address, or to another port": (_TUNNELS + "test_nobody_is_dialled",
                                                   "gateway/front/test_doors.py::test_a_tunnel_elsewhere_is_refused"),
    "HTTP/2": (_TUNNELS + "test_http_2_is_never_chosen",),
    "an absolute target without a tunnel": (
        "gateway/front/test_doors.py::test_no_request_is_proxied_without_a_tunnel",),
    "another handshake than TLS's, or one without end": ("hostile/test_hello.py::test_a_long_hello_is_cut_off",
                                                         "hostile/test_hello.py::test_a_spoilt_hello_is_hung_up_on"),
    "an answer that is two": ("hostile/test_liar.py::test_no_answer_of_the_exchange_is_two_answers_to_a_client",),
}  # fmt: skip
"""What is no single request, or not one of the parser's."""

FAIL_OPEN: dict[str, tuple[str, ...]] = {
    "an exception in any hook, at once or awaited": (_FAIL_OPEN + "test_whatever_fails_nothing_is_forwarded",
                                                     _CLOSED + "test_an_addon_that_fails_refuses",
                                                     _CLOSED + "test_a_gate_that_raises_refuses"),
    "too deep a recursion, no memory, an addon's halt": (_FAIL_OPEN + "test_whatever_fails_nothing_is_forwarded",
                                                         _CLOSED + "test_control_the_stock_manager_forwards"),
    "a hook that cannot be called, or with other arguments": (_CLOSED + "test_a_hook_that_cannot_be_called_refuses",),
    "a misspelt hook, which is none": (_OPTIONS + "test_the_addons_are_exactly_ours",
                                       _CLOSED + "test_the_dialler_is_shut_by_itself"),
    "an addon that raises before another that refuses": (_FAIL_OPEN + "test_whatever_fails_nothing_is_forwarded",),
    "an addon that takes the refusal away": (_CLOSED + "test_the_dialler_is_shut_by_itself",
                                             _CLOSED + "test_an_addon_that_goes_round_us_is_undone"),
    "a script that is changed, emptied or deleted": (_FAIL_OPEN + "test_nothing_is_left_of_what_fell_away",),
    "a failure at the start": (_CLOSED + "test_what_fails_at_the_start_stops_it",
                               _OPTIONS + "test_a_value_that_does_not_take_stops_the_start"),
    "an exception after the order was sent": (_FAIL_OPEN + "test_whatever_fails_nothing_is_forwarded",
                                              _CLOSED + "test_an_answer_that_could_not_be_given_was_not_delivered"),
    "a hook that is canceled or never returns": (_CLOSED + "test_a_gate_that_never_returns_refuses",
                                                 _CLOSED + "test_an_addon_that_fails_refuses"),
    "an exit out of a hook": (_FAIL_OPEN + "test_whatever_fails_nothing_is_forwarded",),
    "a hook that blocks the loop": (
        "gateway/front/test_hook_deadline.py::test_a_hook_that_blocks_makes_others_wait_and_lets_nothing_past",),
    "bodies that are streamed, flows that are killed": (_FAIL_OPEN + "test_nothing_is_left_of_what_fell_away",),
    "the dialler left open": (_CLOSED + "test_the_dialler_is_shut_by_itself",
                              "gateway/front/test_doors.py::test_mitmproxy_never_dials"),
    "hosts that are let through by mitmproxy's own configuration": (
        _FAIL_OPEN + "test_nothing_is_left_of_what_fell_away", _OPTIONS + "test_a_change_while_running_is_undone",
        _OPTIONS + "test_what_was_set_before_the_start_is_set_right"),
    "a layer that fails": (_CLOSED + "test_a_layer_that_fails_ends_its_connection",),
}  # fmt: skip
"""What makes a proxy like this one pass on what it should refuse. Where a hook is not there any more, the test that
shows so stands for it."""
