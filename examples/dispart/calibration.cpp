// dispart probe: measures this machine; and what `run` calibrates with.
#include "dispart/calibration.hpp"

#include <cstdio>

#include <algorithm>

#include "dispart/calibrate/layers.hpp"
#include "dispart/commands.hpp"
#include "dispart/cost/probe_models.hpp"
#include "dispart/engine.hpp"
#include "dispart/io/json/profile.hpp"

namespace cli {

using namespace dispart;

result<profile> measure(const std::vector<model>& nets, std::size_t parallel, std::size_t runs,
                        double slowdown) {
    profile made{.backend = std::string(local_backend::name())};
    double operations = 0.0;
    double seconds_of_dense = 0.0;
    for (const auto& net : nets) {
        DISPART_TRY(const auto measured,
                    measure_layers(local_backend{slowdown}, net, {.least = runs, .parallel = parallel}));
        const std::size_t before = made.samples.size();
        add_measurements(made, net, measured);
        for (std::size_t i = before; i < made.samples.size(); ++i) {
            if (made.samples[i].work.weights.value <= 0.0 || made.samples[i].measured.value <= 0.0) continue;
            operations += made.samples[i].work.compute.value;
            seconds_of_dense += made.samples[i].measured.value;
        }
    }
    made.speed = flops_per_second(seconds_of_dense > 0.0 ? operations / seconds_of_dense : 0.0);
    return made;
}

measured_costs costs_of(const profile& measured, bool exact) {
    measured_costs costs(fit(measured));
    for (const auto& sample : measured.samples)
        if (exact) costs.set(sample.signature, measured.kind, sample.measured);
    return costs;
}

result<int> probe(const probe_arguments& given, bool as_json) {
    std::vector<model> nets;
    for (const auto& name : given.models) {
        DISPART_TRY(auto net, load_model({.name = name}));
        nets.push_back(std::move(net));
    }
    if (nets.empty()) {
        DISPART_TRY(nets, probe_models());
    }
    DISPART_TRY(const auto measured, measure(nets, 1, given.repeat, given.slowdown));
    const auto laws = fit(measured);
    const ordered_json document = io::profile_to_json(measured);
    if (!given.out.empty()) DISPART_CHECK(io::write_json(given.out, document));
    if (as_json) {
        print_json(document);
        return 0;
    }
    std::printf("%.1f GFLOP/s over %zu layers\n", measured.speed.value / 1e9, measured.samples.size());
    for (std::size_t f = 0; f < laws.laws.size(); ++f)
        if (const auto& law = laws.laws[f]; law.samples > 0)
            std::printf("  %-20s %4zu samples, median error %.0f %%\n",
                        std::string(to_string(static_cast<op_family>(f))).c_str(), law.samples,
                        law.spread * 100.0);
    return 0;
}

}  // namespace cli
