#pragma once
/// \file
/// The table of list schedulers by name.

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "dispart/core/result.hpp"
#include "dispart/schedule/bil.hpp"
#include "dispart/schedule/concepts.hpp"
#include "dispart/schedule/cpop.hpp"
#include "dispart/schedule/dls.hpp"
#include "dispart/schedule/duplex.hpp"
#include "dispart/schedule/etf.hpp"
#include "dispart/schedule/fcp.hpp"
#include "dispart/schedule/flb.hpp"
#include "dispart/schedule/hbmct.hpp"
#include "dispart/schedule/heft.hpp"
#include "dispart/schedule/m_sct.hpp"
#include "dispart/schedule/max_min.hpp"
#include "dispart/schedule/mct.hpp"
#include "dispart/schedule/met.hpp"
#include "dispart/schedule/min_min.hpp"
#include "dispart/schedule/olb.hpp"
#include "dispart/schedule/peft.hpp"
#include "dispart/schedule/sufferage.hpp"
#include "dispart/schedule/wba.hpp"

namespace dispart {

/// A scheduler as run-time choice sees it.
struct named_scheduler {
    std::string_view name;
    result<schedule> (*run)(const schedule_problem&);
};

namespace detail {

/// A scheduler whose options are fixed at compile time, as a table entry.
template <scheduler auto Algorithm>
inline constexpr named_scheduler as_entry{Algorithm.name(),
                                          [](const schedule_problem& problem) { return Algorithm(problem); }};

inline constexpr std::array list_scheduler_table{
    as_entry<heft{}>,
    as_entry<heft{.insertion = false}>,
    as_entry<heft{.look_ahead = true}>,
    as_entry<cpop{}>,
    as_entry<cpop{.as_published = true}>,
    as_entry<peft{}>,
    as_entry<min_min{}>,
    as_entry<max_min{}>,
    as_entry<duplex{}>,
    as_entry<sufferage{}>,
    as_entry<mct{}>,
    as_entry<met{}>,
    as_entry<olb{}>,
    as_entry<dls{}>,
    as_entry<etf{}>,
    as_entry<bil{}>,
    as_entry<fcp{}>,
    as_entry<flb{}>,
    as_entry<wba{}>,
    as_entry<hbmct{}>,
    as_entry<m_sct{}>,
};

}  // namespace detail

/// All schedulers that make a schedule in one go, by name; the order is that in which the portfolio asks them.
[[nodiscard]] inline std::span<const named_scheduler> list_schedulers() noexcept {
    return detail::list_scheduler_table;
}

/// The list scheduler of that name. Errors: not_found, with the names there are.
[[nodiscard]] inline result<named_scheduler> find_scheduler(std::string_view name) {
    std::string known;
    for (const named_scheduler& each : list_schedulers()) {
        if (each.name == name) return each;
        known += (known.empty() ? "" : ", ") + std::string(each.name);
    }
    return fail(errc::not_found, std::string(name), "there is no such scheduler", "there are " + known);
}

}  // namespace dispart
