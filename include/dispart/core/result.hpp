#pragma once
/// \file
/// Errors are values: every operation that can meet bad input, an infeasible problem or a lost peer returns `result<T>`.

#include <tl/expected.hpp>

#include <array>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace dispart {

/// What went wrong, as a program tests it.
enum class errc {
    invalid_argument,  ///< an option or argument outside its domain (NaN, negative, zero bandwidth, ...)
    invalid_model,     ///< a layer graph that breaks a rule: cycle, missing tensor, wrong arity
    invalid_cluster,   ///< a resource graph that breaks a rule: no devices, no route, duplicate name
    shape_mismatch,    ///< shapes that do not fit an operator, or whose element count overflows
    unsupported,       ///< an operator, attribute, data type or version that is known but not handled
    parse_error,       ///< bytes that are not what their format says
    not_found,         ///< a file, name or id that does not exist
    io_error,          ///< the operating system refused a read or write
    infeasible,        ///< no solution satisfies the constraints
    limit_exceeded,    ///< a size, count or budget over its stated limit
    timeout,           ///< a deadline passed while waiting
    peer_lost,         ///< a connection was closed or reset by the other side
    protocol_error,    ///< a peer sent something that the protocol forbids
    refused,           ///< a peer or policy said no
    callback_failed,   ///< a user's callable threw
    cancelled,         ///< stopped on request
};

namespace detail {
inline constexpr std::array<std::string_view, 16> errc_names{
    "invalid_argument", "invalid_model", "invalid_cluster", "shape_mismatch", "unsupported", "parse_error",
    "not_found",        "io_error",      "infeasible",      "limit_exceeded", "timeout",     "peer_lost",
    "protocol_error",   "refused",       "callback_failed", "cancelled"};
}  // namespace detail

/// The enumerator's own spelling, for messages and JSON.
[[nodiscard]] constexpr std::string_view to_string(errc code) noexcept {
    return detail::errc_names[static_cast<std::size_t>(code)];
}

/// One error: a code to test, the thing that is wrong, a sentence for people, and what to do about it.
struct error {
    errc code = errc::invalid_argument;
    std::string offender{};  ///< name of the layer, tensor, device, file, peer or option at fault; may be empty
    std::string message{};  ///< one sentence without a final newline
    std::string hint{};     ///< what would help; may be empty

    friend bool operator==(const error&, const error&) = default;
};

/// `code: offender: message (hint)`, leaving out what is empty.
[[nodiscard]] inline std::string to_string(const error& e) {
    std::string text{to_string(e.code)};
    if (!e.offender.empty()) text += ": " + e.offender;
    text += ": " + e.message;
    if (!e.hint.empty()) text += " (" + e.hint + ")";
    return text;
}

inline std::ostream& operator<<(std::ostream& out, const error& e) { return out << to_string(e); }

/// A value, or the reason why there is none.
template <class T>
using result = tl::expected<T, error>;

/// Shorthand for returning an error from a function whose return type is any `result<T>`.
[[nodiscard]] inline tl::unexpected<error> fail(errc code, std::string offender, std::string message,
                                                std::string hint = {}) {
    return tl::unexpected<error>(error{code, std::move(offender), std::move(message), std::move(hint)});
}

}  // namespace dispart

#define DISPART_CONCAT_IMPL(a, b) a##b
#define DISPART_CONCAT(a, b) DISPART_CONCAT_IMPL(a, b)

/// `DISPART_TRY(auto x, expression);` binds the value of a `result`, or returns its error from the enclosing function.
#define DISPART_TRY(declaration, ...)                                                                         \
    auto&& DISPART_CONCAT(dispart_try_, __LINE__) = (__VA_ARGS__);                                            \
    if (!DISPART_CONCAT(dispart_try_, __LINE__))                                                              \
        return ::tl::unexpected<::dispart::error>(std::move(DISPART_CONCAT(dispart_try_, __LINE__)).error()); \
    declaration = std::move(*DISPART_CONCAT(dispart_try_, __LINE__))

/// `DISPART_CHECK(expression);` returns the error of a `result` whose value is not needed, or goes on.
#define DISPART_CHECK(...)                                                               \
    do {                                                                                 \
        if (auto&& dispart_check = (__VA_ARGS__); !dispart_check)                        \
            return ::tl::unexpected<::dispart::error>(std::move(dispart_check).error()); \
    } while (false)
