#pragma once
/// \file
/// Broken preconditions are bugs of the caller: they go to one overridable handler, which aborts unless told otherwise.

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace dispart {

/// Called with the failed condition's text and place; if it returns, the process aborts.
using contract_handler = void (*)(const char* condition, const char* file, int line);

namespace detail {
inline std::atomic<contract_handler> current_contract_handler{nullptr};

[[noreturn]] inline void contract_failed(const char* condition, const char* file, int line) {
    if (const auto handler = current_contract_handler.load()) handler(condition, file, line);
    std::fprintf(stderr, "%s:%d: precondition failed: %s\n", file, line, condition);
    std::abort();
}
}  // namespace detail

/// Installs a handler (it may throw) and returns the one before; nullptr restores the default.
inline contract_handler set_contract_handler(contract_handler handler) noexcept {
    return detail::current_contract_handler.exchange(handler);
}

}  // namespace dispart

/// States a precondition that the caller must keep; checked in every build.
#define DISPART_EXPECTS(condition) \
    ((condition) ? static_cast<void>(0) : ::dispart::detail::contract_failed(#condition, __FILE__, __LINE__))
