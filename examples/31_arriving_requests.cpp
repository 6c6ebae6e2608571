// Requests for two models arrive at two boards: who goes next, whether several are served together, and who is let in.
#include <iostream>
#include <vector>

#include "dispart/core/random.hpp"
#include "dispart/simulate/load.hpp"
#include "dispart/simulate/online.hpp"

int main() {
    using namespace dispart;

    // Seconds of a batch: fixed + count * each. The small model takes a tenth of the large one's time.
    const service_times times{
        .kinds = 2, .devices = 2, .fixed = {0.02, 0.04, 0.05, 0.10}, .each = {0.01, 0.02, 0.20, 0.40}};
    const auto arrivals =
        make_arrivals({.pattern = arrival_pattern::bursts, .rate = 14.0, .burst = 6, .seed = 4}, 600).value();
    random_source random(4);
    std::vector<online_request> requests;
    for (const double at : arrivals) {
        const std::size_t kind = random.chance(0.7) ? 0 : 1;
        const double patience = random.uniform(0.5, 4.0);
        requests.push_back({.arrival = at, .deadline = at + patience, .kind = kind});
    }

    struct policy {
        const char* name;
        online_options options;
    };
    const std::vector<policy> policies{
        {"first come, first served", {.order = serving_order::first_come}},
        {"shortest work first", {.order = serving_order::shortest_work}},
        {"earliest deadline first", {.order = serving_order::earliest_deadline}},
        {"the same in batches of 4", {.order = serving_order::earliest_deadline, .batch = 4}},
        {"and with admission control",
         {.order = serving_order::earliest_deadline, .batch = 4, .admission = true}}};
    std::size_t late_when_admitted = 0;
    for (const policy& each : policies) {
        const auto outcome = serve_online(requests, times, each.options);
        if (!outcome) {
            std::cerr << outcome.error() << '\n';
            return 1;
        }
        double waited = 0.0;
        for (std::size_t r = 0; r < requests.size(); ++r)
            if (outcome->device[r] != no_id) waited += outcome->start[r] - requests[r].arrival;
        const std::size_t served = requests.size() - outcome->refused;
        std::cout << each.name << ": " << served << " served, " << outcome->late << " late, mean wait "
                  << waited / static_cast<double>(served) << " s\n";
        if (each.options.admission) late_when_admitted = outcome->late;
    }
    return late_when_admitted == 0 ? 0 : 1;
}
