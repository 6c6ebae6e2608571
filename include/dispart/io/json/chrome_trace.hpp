#pragma once
/// \file
/// Timelines as Chrome trace events, which Perfetto (ui.perfetto.dev) and chrome://tracing open.

#include <nlohmann/json.hpp>

#include <map>
#include <span>
#include <string>
#include <utility>

#include "dispart/core/event.hpp"

namespace dispart::io {

/// A timeline and its name: one "process" of the trace, with a "thread" per device and edge.
struct trace_process {
    std::string name{};
    const timeline* trace = nullptr;
};

/// The trace as JSON text: complete ("X") events in microseconds, with request, part and bytes as arguments.
/// Precondition: every process has a trace. O(events).
/// Source: "Trace Event Format", Google, 2016.
[[nodiscard]] inline std::string chrome_trace(std::span<const trace_process> processes) {
    using nlohmann::json;
    json events = json::array();
    const auto name_row = [&](std::size_t pid, std::size_t tid, const char* what, const std::string& name) {
        events.push_back({{"ph", "M"}, {"pid", pid}, {"tid", tid}, {"name", what}, {"args", {{"name", name}}}});
    };
    for (std::size_t pid = 0; pid < processes.size(); ++pid) {
        const timeline& trace = *processes[pid].trace;
        const auto device = [&](device_id d) {
            return d < trace.devices.size() ? trace.devices[d] : std::string("outside");
        };
        name_row(pid, 0, "process_name", processes[pid].name);
        std::map<std::pair<device_id, device_id>, std::size_t> rows;
        for (const auto& e : trace.events) {
            const bool moves = e.what == activity::transfer;
            const auto [row, is_new] =
                rows.emplace(std::pair(e.device, moves ? e.peer : no_id), rows.size() + 1);
            if (is_new)
                name_row(pid, row->second, "thread_name",
                         moves ? device(e.device) + " -> " + device(e.peer) : device(e.device));
            json args{{"request", e.request}};
            if (e.part != no_id) args["part"] = e.part;
            if (moves) args["bytes"] = e.size.value;
            events.push_back({{"ph", "X"},
                              {"pid", pid},
                              {"tid", row->second},
                              {"name", (moves                      ? "send "
                                        : e.what == activity::wait ? "wait "
                                                                   : "compute ") +
                                           std::to_string(e.request)},
                              {"cat", moves ? "transfer" : "device"},
                              {"ts", e.begin.value * 1e6},
                              {"dur", (e.end - e.begin).value * 1e6},
                              {"args", std::move(args)}});
        }
    }
    const json document{{"traceEvents", std::move(events)}, {"displayTimeUnit", "ms"}};
    return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace dispart::io
