#pragma once
/// \file
/// What a run showed, in the words of predictions: latency, period, busy times, and a timeline in one clock.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "dispart/core/event.hpp"
#include "dispart/core/steady_state.hpp"
#include "dispart/core/units.hpp"
#include "dispart/run/deployment.hpp"
#include "dispart/run/messages.hpp"

namespace dispart {

/// How one stage spent a run.
struct stage_report {
    device_id device = no_id;
    std::size_t requests = 0;
    seconds busy{};            ///< computing, all requests together
    seconds compute{};         ///< median of one request
    seconds used_by_thread{};  ///< mean processor time of computing one request
    seconds used_by_process{};  ///< mean processor time of the worker's process for one request; 0 for a single one
    seconds waited_for_input{};  ///< all requests together
    seconds waited_for_room{};   ///< all requests together
};

/// What a run showed. Times are seconds since the run began, by the coordinator's clock.
struct run_report {
    std::vector<double> started{};   ///< [request] when its inputs were handed over
    std::vector<double> finished{};  ///< [request] when its last output had arrived
    seconds latency{};               ///< median of finished - started
    seconds first_latency{};         ///< of request 0
    seconds period{};                ///< `steady_period(finished)`
    std::vector<stage_report> stages{};
    timeline events{};  ///< `part` is a stage, `device` a host; a message's span lasts from handing it to the
                        ///< transport until its last byte has arrived
    std::uint64_t dropped = 0;    ///< spans that the workers could not keep
    seconds clock_uncertainty{};  ///< largest error of a worker's times: half the best round trip to it
};

/// The median; of an even number of values the upper one. Precondition: not empty.
[[nodiscard]] inline double median(std::vector<double> values) {
    DISPART_EXPECTS(!values.empty());
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

namespace detail {

/// Spans of one place by the coordinator's clock.
struct placed_spans {
    part_id stage = no_id;  ///< no_id: the coordinator
    std::vector<span_record> spans{};
};

/// The requests and the moment that a report is about.
struct report_scope {
    std::uint64_t first = 0;
    std::size_t count = 0;
    std::int64_t origin = 0;  ///< nanoseconds when the run began

    [[nodiscard]] bool contains(const span_record& span) const {
        return span.request >= first && span.request - first < count;
    }
    [[nodiscard]] seconds at(std::int64_t nanoseconds) const {
        return seconds(static_cast<double>(nanoseconds - origin) * 1e-9);
    }
};

[[nodiscard]] inline device_id device_of(const deployment& d, part_id s) {
    return s == no_id ? no_id : d.stages[s].device;
}

[[nodiscard]] inline seconds length(const span_record& span) {
    return seconds(static_cast<double>(span.end - span.begin) * 1e-9);
}

[[nodiscard]] inline stage_report summarise(const placed_spans& place, device_id device,
                                            const report_scope& scope) {
    stage_report report{.device = device};
    std::vector<double> each;
    std::int64_t first = 0, last = 0;  // of the process's clock
    for (const span_record& span : place.spans) {
        if (!scope.contains(span)) continue;
        if (span.what == span_kind::compute) {
            each.push_back(length(span).value);
            report.used_by_thread += seconds(static_cast<double>(span.used_by_thread) * 1e-9);
            if (each.size() == 1) first = span.used_by_process;
            last = span.used_by_process;
        }
        if (span.what == span_kind::input) report.waited_for_input += length(span);
        if (span.what == span_kind::output) report.waited_for_room += length(span);
    }
    report.requests = each.size();
    for (const double t : each) report.busy += seconds(t);
    if (each.size() > 1)
        report.used_by_process =
            seconds(static_cast<double>(last - first) * 1e-9 / static_cast<double>(each.size() - 1));
    if (!each.empty()) {
        report.used_by_thread = report.used_by_thread / static_cast<double>(each.size());
        report.compute = seconds(median(std::move(each)));
    }
    return report;
}

/// Computing and waiting of one place; waits of less than a microsecond are left out.
inline void add_local_events(const placed_spans& place, const deployment& d, const report_scope& scope,
                             std::vector<event>& into) {
    for (const span_record& span : place.spans) {
        const bool waited = span.what == span_kind::input || span.what == span_kind::output;
        if (!scope.contains(span) || (span.what != span_kind::compute && !waited)) continue;
        if (waited && span.end - span.begin < 1000) continue;
        into.push_back({waited ? activity::wait : activity::compute, span.request - scope.first, place.stage,
                        device_of(d, place.stage), no_id, std::max(scope.at(span.begin), seconds(0.0)),
                        scope.at(span.end), bytes{}});
    }
}

/// Messages, from the sender's word of when they began and the receiver's of when they had arrived; the two may come in
/// different calls.
class transfer_matcher {
  public:
    void add(const std::vector<placed_spans>& places, const deployment& d, const report_scope& scope,
             std::vector<event>& into) {
        for (const placed_spans& place : places)
            for (const span_record& span : place.spans) add(span, d, scope, into);
    }
    /// Those of which one side has said nothing, as far as the other knows.
    void add_rest(std::vector<event>& into) {
        for (const auto& [key, each] : halves_) into.push_back(each.what);
        halves_.clear();
    }

  private:
    struct half {
        event what{};
        bool sent = false;
    };
    static constexpr std::size_t most_halves = std::size_t{1} << 16;

    void add(const span_record& span, const deployment& d, const report_scope& scope,
             std::vector<event>& into) {
        const bool sent = span.what == span_kind::sent;
        if (!scope.contains(span) || (!sent && span.what != span_kind::received) ||
            span.edge >= d.edges.size())
            return;
        const auto [found, fresh] = halves_.try_emplace({span.edge, span.request});
        event& it = found->second.what;
        if (sent || fresh) it.begin = scope.at(span.begin);
        if (!sent || fresh) it.end = scope.at(span.end);
        if (fresh) {
            const stage_edge& edge = d.edges[span.edge];
            it.what = activity::transfer;
            it.request = span.request - scope.first;
            it.part = edge.from;
            it.device = device_of(d, edge.from);
            it.peer = device_of(d, edge.to);
            it.size = bytes(static_cast<double>(span.bytes));
            found->second.sent = sent;
            if (halves_.size() > most_halves) halves_.erase(halves_.begin());
        } else if (found->second.sent != sent) {
            it.end = std::max(it.end, it.begin);  // clocks are compared only so well
            into.push_back(it);
            halves_.erase(found);
        }
    }

    std::map<std::pair<std::uint32_t, std::uint64_t>, half> halves_{};  ///< by edge and request
};

/// All messages of these spans.
inline void add_transfers(const std::vector<placed_spans>& places, const deployment& d,
                          const report_scope& scope, std::vector<event>& into) {
    transfer_matcher messages;
    messages.add(places, d, scope, into);
    messages.add_rest(into);
}

}  // namespace detail

/// Puts together what the stages and the coordinator wrote down.
[[nodiscard]] inline run_report make_report(const deployment& d,
                                            const std::vector<detail::placed_spans>& places,
                                            const detail::report_scope& scope, std::vector<double> started,
                                            std::vector<double> finished) {
    run_report report{.started = std::move(started), .finished = std::move(finished)};
    std::vector<double> latencies;
    for (std::size_t i = 0; i < report.finished.size(); ++i)
        latencies.push_back(report.finished[i] - report.started[i]);
    if (!latencies.empty()) {
        report.first_latency = seconds(latencies.front());
        report.latency = seconds(median(std::move(latencies)));
        report.period = steady_period(report.finished);
    }
    for (const worker_host& each : d.hosts) report.events.devices.push_back(each.name);
    for (const auto& place : places) {
        if (place.stage != no_id)
            report.stages.push_back(detail::summarise(place, d.stages[place.stage].device, scope));
        detail::add_local_events(place, d, scope, report.events.events);
    }
    detail::add_transfers(places, d, scope, report.events.events);
    const auto key = [](const event& e) { return std::tuple(e.begin, e.request, e.what, e.part, e.peer); };
    std::sort(report.events.events.begin(), report.events.events.end(),
              [&](const event& a, const event& b) { return key(a) < key(b); });
    return report;
}

}  // namespace dispart
