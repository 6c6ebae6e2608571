#pragma once
// Plays a workload with SimGrid (CM02), in a process of its own, since SimGrid has one engine per process.

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <simgrid/s4u.hpp>

#include "dispart/simulate/platform.hpp"
#include "dispart/simulate/workload.hpp"

namespace dispart::test {

struct simgrid_outcome {
    std::vector<double> end;   // [item] seconds
    double cpu_seconds = 0.0;  // of the simulation itself, without building the platform and activities
    bool stopped = false;      // it used up its seconds; `end` is then empty
};

namespace detail {

namespace sg = simgrid::s4u;

inline void build_platform(const platform& on, const std::vector<double>& link_latency, const workload& work,
                           std::vector<sg::Host*>& hosts) {
    auto* zone = sg::create_full_zone("all");
    for (device_id d = 0; d < on.device_count(); ++d)
        hosts.push_back(zone->create_host("h" + std::to_string(d), 1.0));
    std::map<link_id, const sg::Link*> links;
    const auto link_of = [&](link_id l) {
        auto& made = links[l];
        if (made == nullptr)
            made = zone->create_link("l" + std::to_string(l), std::min(on.link_capacity[l], 1e30))
                       ->set_latency(link_latency[l])
                       ->seal();
        return made;
    };
    std::set<std::pair<device_id, device_id>> pairs;
    for (const work_item& item : work.items) {
        if (!item.is_transfer() || !pairs.emplace(item.device, item.peer).second) continue;
        simulated_route way;
        on.route(item.device, item.peer, way);
        std::vector<sg::LinkInRoute> route;
        for (const link_id l : way.links) route.emplace_back(link_of(l));
        zone->add_route(hosts[item.device]->get_netpoint(), hosts[item.peer]->get_netpoint(), nullptr,
                        nullptr, route, false);
    }
    zone->seal();
}

/// Calls `use` with the activity as what it is: SimGrid's dependencies are members of its two kinds.
template <class Use>
void as_itself(const sg::ActivityPtr& activity, Use use) {
    if (auto* comm = dynamic_cast<sg::Comm*>(activity.get())) use(comm);
    else use(dynamic_cast<sg::Exec*>(activity.get()));
}

inline sg::ActivityPtr activity_of(const work_item& item) {
    if (!item.is_transfer()) return sg::Exec::init()->set_flops_amount(item.amount);
    auto comm = sg::Comm::sendto_init();
    comm->set_payload_size(static_cast<uint64_t>(item.amount));
    return comm;
}

/// An activity starts as soon as it knows its hosts and nothing is before it any more.
inline void assign(const work_item& item, const sg::ActivityPtr& activity,
                   const std::vector<sg::Host*>& hosts) {
    if (auto* comm = dynamic_cast<sg::Comm*>(activity.get())) {
        comm->set_source(hosts[item.device]);
        comm->set_destination(hosts[item.peer]);
    } else if (auto* exec = dynamic_cast<sg::Exec*>(activity.get())) {
        exec->set_host(hosts[item.device]);
    }
    if (activity->get_state() == sg::Activity::State::INITED)
        as_itself(activity, [](auto* a) { a->vetoable_start(); });
}

/// Ends this process after so many seconds of processor time from now.
inline void limit_processor_time(double most_seconds) {
    const double used = static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
    const auto limit = static_cast<rlim_t>(std::ceil(used + most_seconds));
    const rlimit both{limit, limit};
    ::setrlimit(RLIMIT_CPU, &both);
}

inline simgrid_outcome run_simgrid(const platform& on, const std::vector<double>& link_latency,
                                   const workload& work, double most_seconds) {
    std::vector<std::string> words{"simgrid", "--log=root.thresh:critical", "--log=no_loc"};
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    int argc = static_cast<int>(words.size());
    auto& engine =
        *new sg::Engine(&argc, argv.data());  // ends with its process, unchecked: its own end complains
    for (const char* option : {"network/model:CM02", "network/crosstraffic:0", "network/TCP-gamma:1e30",
                               "network/loopback-bw:1e30", "network/loopback-lat:0", "debug/verbose-exit:0"})
        sg::Engine::set_config(option);
    std::vector<sg::Host*> hosts;
    build_platform(on, link_latency, work, hosts);
    std::vector<sg::ActivityPtr> activities;
    for (const work_item& item : work.items) activities.push_back(activity_of(item));
    for (const auto& pair : work.order)
        as_itself(activities[pair.first],
                  [&](auto* before) { before->add_successor(activities[pair.second]); });
    const auto start = [&](std::size_t i) { assign(work.items[i], activities[i], hosts); };
    if (std::isfinite(most_seconds)) limit_processor_time(most_seconds);
    const std::clock_t began = std::clock();
    // An item with a time of its own is started by an actor; the others start when what is before them is over.
    std::map<double, std::vector<std::size_t>> later;
    for (std::size_t i = 0; i < work.items.size(); ++i) {
        if (work.items[i].earliest > 0.0) later[work.items[i].earliest].push_back(i);
        else start(i);
    }
    if (!later.empty())
        sg::Actor::create("clock", hosts[0], [&] {
            for (const auto& [at, items] : later) {
                sg::this_actor::sleep_until(at);
                for (const auto i : items) start(i);
            }
        });
    engine.run();
    simgrid_outcome out;
    out.cpu_seconds = static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
    for (const auto& a : activities) out.end.push_back(a->get_finish_time());
    return out;
}

}  // namespace detail

/// Transfers' sizes must be whole bytes; computations of one device must not be ready at the same time, since SimGrid
/// would share the processor among them. Empty if the process failed, or was stopped after so much processor time.
inline simgrid_outcome simgrid_play(const platform& on, const std::vector<double>& link_latency,
                                    const workload& work,
                                    double most_seconds = std::numeric_limits<double>::infinity()) {
    int ends[2];
    if (::pipe(ends) != 0) return {};
    std::fflush(nullptr);
    std::cout.flush();
    const pid_t child = ::fork();
    if (child == 0) {
        const auto out = detail::run_simgrid(on, link_latency, work, most_seconds);
        const auto send = [&](const void* data, std::size_t size) {
            for (const char* at = static_cast<const char*>(data); size > 0;) {
                const auto sent = ::write(ends[1], at, size);
                if (sent <= 0) ::_exit(1);
                at += sent;
                size -= static_cast<std::size_t>(sent);
            }
        };
        send(&out.cpu_seconds, sizeof out.cpu_seconds);
        send(out.end.data(), out.end.size() * sizeof(double));
        ::_exit(0);
    }
    ::close(ends[1]);
    std::vector<double> got(work.items.size() + 1);
    std::size_t bytes_got = 0;
    for (ssize_t more = 1; more > 0 && bytes_got < got.size() * sizeof(double);) {
        more = ::read(ends[0], reinterpret_cast<char*>(got.data()) + bytes_got,
                      got.size() * sizeof(double) - bytes_got);
        if (more > 0) bytes_got += static_cast<std::size_t>(more);
    }
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFSIGNALED(status) && std::isfinite(most_seconds)) return {{}, most_seconds, true};
    if (bytes_got < got.size() * sizeof(double)) return {};
    return {{got.begin() + 1, got.end()}, got[0]};
}

}  // namespace dispart::test
