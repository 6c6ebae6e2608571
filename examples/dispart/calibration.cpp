// dispart probe: measures this machine; and what `run` calibrates with.
#include "dispart/calibration.hpp"

#include <cstdio>

#include <algorithm>
#include <iterator>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dispart/calibrate/accuracy.hpp"
#include "dispart/calibrate/layers.hpp"
#include "dispart/codecs.hpp"
#include "dispart/commands.hpp"
#include "dispart/cost/probe_models.hpp"
#include "dispart/engine.hpp"
#include "dispart/io/json/profile.hpp"
#include "dispart/plan/reasons.hpp"

namespace cli {

using namespace dispart;

namespace {

/// The layers of each model, in rounds over all of them, so that a machine whose speed drifts is fair to each.
result<std::vector<layer_measurements>> measure_in_rounds(const std::vector<model>& nets,
                                                          const local_backend& on,
                                                          const layer_probe_options& how, std::size_t rounds) {
    std::vector<layer_measurements> all(nets.size());
    for (std::size_t round = 0; round < rounds; ++round)
        for (std::size_t i = 0; i < nets.size(); ++i) {
            DISPART_TRY(auto measured, measure_layers(on, nets[i], how));
            if (round == 0) all[i] = std::move(measured);
            else keep_shorter(all[i], measured);
        }
    return all;
}

profile profile_of(std::span<const model> nets, std::span<const layer_measurements> measured,
                   const std::string& backend) {
    profile made{.backend = backend};
    for (std::size_t i = 0; i < nets.size(); ++i) add_measurements(made, nets[i], measured[i]);
    double operations = 0.0;
    double seconds_of_dense = 0.0;
    for (const auto& sample : made.samples) {
        if (sample.work.weights.value <= 0.0 || sample.measured.value <= 0.0) continue;
        operations += sample.work.compute.value;
        seconds_of_dense += sample.measured.value;
    }
    made.speed = flops_per_second(seconds_of_dense > 0.0 ? operations / seconds_of_dense : 0.0);
    return made;
}

result<std::vector<model>> load_models(const std::vector<std::string>& names) {
    std::vector<model> nets;
    for (const auto& name : names) {
        DISPART_TRY(auto net, load_model({.name = name}));
        nets.push_back(std::move(net));
    }
    return nets;
}

}  // namespace

result<profile> measure(const std::vector<model>& nets, const std::string& backend) {
    const layer_probe_options how{.warm_up = 1, .least = 2, .budget = seconds(0.4)};
    DISPART_TRY(const auto measured, measure_in_rounds(nets, local_backend{.chosen = backend}, how, 5));
    return profile_of(nets, measured, backend);
}

measured_costs costs_of(const profile& measured, bool exact) {
    measured_costs costs(fit(measured));
    for (const auto& sample : measured.samples)
        if (exact) costs.set(sample.signature, measured.kind, sample.measured);
    return costs;
}

namespace {

/// What the laws say of models that they were not fitted to, against measurements.
ordered_json compare(const fitted_model& laws, std::span<const model> nets,
                     std::span<const layer_measurements> measured) {
    auto rows = ordered_json::array();
    for (std::size_t i = 0; i < nets.size(); ++i) {
        const auto found = accuracy_of(laws, nets[i], measured[i], {.name = "this machine"});
        rows.push_back({{"model", info(nets[i]).name},
                        {"layers", found.layers},
                        {"median_layer_error", found.median_layer_error},
                        {"predicted_s", found.predicted.value},
                        {"measured_s", found.measured.value},
                        {"whole_error", found.whole_error()}});
    }
    return rows;
}

void print_accuracy(const ordered_json& rows) {
    std::printf("%-20s %7s %20s %12s %12s %11s\n", "model", "layers", "median layer error", "predicted",
                "measured", "difference");
    for (const auto& row : rows)
        std::printf("%-20s %7zu %18.1f %% %12s %12s %+9.1f %%\n", row["model"].get<std::string>().c_str(),
                    row["layers"].get<std::size_t>(), row["median_layer_error"].get<double>() * 100.0,
                    time_text(row["predicted_s"].get<double>()).c_str(),
                    time_text(row["measured_s"].get<double>()).c_str(),
                    row["whole_error"].get<double>() * 100.0);
}

ordered_json codecs_to_json(const std::vector<codec_measurement>& measured) {
    auto rows = ordered_json::array();
    for (const auto& each : measured)
        rows.push_back({{"name", each.cost.name},
                        {"encode_seconds_per_byte", each.cost.encode_seconds_per_byte},
                        {"decode_seconds_per_byte", each.cost.decode_seconds_per_byte},
                        {"ratio", each.cost.ratio},
                        {"max_relative_error", each.cost.max_relative_error},
                        {"observed_error", each.observed_error}});
    return rows;
}

void print_codecs(const std::vector<codec_measurement>& measured) {
    std::printf("codec                 encode GB/s  decode GB/s  bytes left  error stated  and seen\n");
    const auto rate = [](double seconds_per_byte) {
        return seconds_per_byte > 0.0 ? 1e-9 / seconds_per_byte : 0.0;
    };
    for (const auto& each : measured)
        std::printf("  %-20s %10.2f %12.2f %10.0f %% %13.2g %9.2g\n", each.cost.name.c_str(),
                    rate(each.cost.encode_seconds_per_byte), rate(each.cost.decode_seconds_per_byte),
                    each.cost.ratio * 100.0, each.cost.max_relative_error, each.observed_error);
}

}  // namespace

result<int> probe(const probe_arguments& given, bool as_json) {
    DISPART_TRY(auto nets, probe_models());
    DISPART_TRY(auto more, load_models(given.models));
    DISPART_TRY(auto others, load_models(given.predict));
    std::move(more.begin(), more.end(), std::back_inserter(nets));
    const std::size_t known = nets.size();
    std::move(others.begin(), others.end(), std::back_inserter(nets));
    const layer_probe_options how{.warm_up = 1, .least = 2, .budget = seconds(0.4)};
    DISPART_TRY(const auto layers,
                measure_in_rounds(nets, local_backend{given.slowdown, given.backend}, how, given.repeat));
    const std::span<const model> all(nets);
    const std::span<const layer_measurements> times(layers);
    const auto measured = profile_of(all.first(known), times.first(known), given.backend);
    const std::vector<tensor> sample{activation_sample()};
    DISPART_TRY(const auto codecs, measure_codecs(known_codecs(), sample));
    const auto laws = fit(measured);
    ordered_json document = io::profile_to_json(measured);
    if (!given.out.empty()) DISPART_CHECK(io::write_json(given.out, document));
    document["codecs"] = codecs_to_json(codecs);
    if (!given.predict.empty())
        document["accuracy"] = compare(laws, all.subspan(known), times.subspan(known));
    if (as_json) {
        print_json(document);
        return 0;
    }
    std::printf("%.1f GFLOP/s over %zu layers\n", measured.speed.value / 1e9, measured.samples.size());
    for (std::size_t f = 0; f < laws.families.size(); ++f)
        if (const auto& law = laws.families[f]; law.samples > 0)
            std::printf("  %-20s %4zu samples, median error %.0f %%\n",
                        std::string(to_string(static_cast<op_family>(f))).c_str(), law.samples,
                        law.spread * 100.0);
    print_codecs(codecs);
    if (!given.predict.empty()) print_accuracy(document["accuracy"]);
    return 0;
}

}  // namespace cli
