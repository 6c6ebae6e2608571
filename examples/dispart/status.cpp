// dispart status: which workers answer, and what a run with --adapt wrote down last.
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "dispart/carrier.hpp"
#include "dispart/cluster/graph.hpp"
#include "dispart/commands.hpp"
#include "dispart/io/json/value.hpp"
#include "dispart/machines.hpp"
#include "dispart/run/roster.hpp"

namespace cli {

using namespace dispart;

namespace {

/// The workers of a cluster file, asked one after the other.
result<ordered_json> ask_workers(const status_arguments& given) {
    DISPART_TRY(const auto machines, load_cluster(given.cluster));
    DISPART_TRY(auto carrier, make_carrier(given.carrier));
    auto workers = ordered_json::array();
    for (device_id d = 0; d < num_vertices(machines); ++d) {
        if (!machines[d].computes || machines[d].address.empty()) continue;
        const auto began = std::chrono::steady_clock::now();
        const auto answer = say_hello(carrier, worker_host{machines[d].name, machines[d].address}, "status",
                                      seconds(given.within));
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
        workers.push_back({{"name", machines[d].name},
                           {"address", machines[d].address},
                           {"answers", answer.has_value()},
                           {"took_s", took.count()},
                           {"problem", answer ? "" : to_string(answer.error())}});
    }
    return workers;
}

}  // namespace

result<int> status(const status_arguments& given, bool as_json) {
    ordered_json document;
    if (!given.cluster.empty()) {
        DISPART_TRY(document["workers"], ask_workers(given));
    }
    const auto file = std::filesystem::path(given.out) / "status.json";
    if (given.cluster.empty() || std::filesystem::exists(file)) {
        DISPART_TRY(const auto told, io::read_json(file));
        document["run"] = told;
    }
    if (as_json) {
        print_json(document);
        return 0;
    }
    if (document.contains("workers"))
        for (const auto& each : document["workers"])
            std::printf("%-16s %-22s %s\n", each["name"].get<std::string>().c_str(),
                        each["address"].get<std::string>().c_str(),
                        each["answers"].get<bool>() ? "answers" : each["problem"].get<std::string>().c_str());
    if (document.contains("run")) std::cout << document["run"].dump(2) << '\n';
    return 0;
}

}  // namespace cli
