// Any bytes, read as each kind of JSON file, and as DOT: an error with a message, or a value that survives writing and reading.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "dispart/io/json/cluster.hpp"
#include "dispart/io/json/cluster_dot.hpp"
#include "dispart/io/json/iperf.hpp"
#include "dispart/io/json/kubernetes.hpp"
#include "dispart/io/json/model.hpp"
#include "dispart/io/json/plan.hpp"
#include "dispart/io/json/profile.hpp"

namespace {

using namespace dispart;

void expect(bool holds) {
    if (!holds) std::abort();
}

template <class Result>
bool told(const Result& outcome) {
    if (outcome) return true;
    expect(!outcome.error().message.empty());
    return false;
}

/// What `read` makes of the text is the same after `write` and reading again.
template <class Read, class Write>
void survives(std::string_view text, Read read, Write write) {
    const auto first = read(text);
    if (!told(first)) return;
    const auto written = write(*first);
    const auto again = read(io::json_text(written));
    expect(again.has_value() && write(*again) == written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto drawn = io::parse_cluster_dot(text); told(drawn)) {
        const auto again = io::parse_cluster_dot(io::cluster_dot(*drawn));
        expect(again.has_value() && io::cluster_to_json(*again) == io::cluster_to_json(*drawn));
    }
    const auto document = io::parse_json(text);
    if (!told(document)) return 0;
    const auto as_cluster = [](std::string_view t) { return io::parse_cluster(t); };
    const auto as_profile = [](std::string_view t) { return io::parse_profile(t); };
    const auto as_plan = [](std::string_view t) -> result<plan> {
        DISPART_TRY(const auto parsed, io::parse_json(t));
        return io::plan_from_json(parsed);
    };
    survives(text, as_cluster, io::cluster_to_json);
    survives(text, as_profile, io::profile_to_json);
    survives(text, as_plan, [](const plan& p) { return io::plan_to_json(p); });
    const auto as_model = [](std::string_view t) -> result<model> {
        DISPART_TRY(const auto parsed, io::parse_json(t));
        return io::model_from_json(parsed, {.max_drawn_bytes = 1 << 20});
    };
    survives(text, as_model, [](const model& m) { return io::model_to_json(m, {.max_listed = 1 << 20}); });
    if (const auto profile = io::parse_profile(text)) static_cast<void>(fit(*profile));
    if (auto nodes = io::kubernetes_from_json(*document); told(nodes)) {
        expect(validate(*nodes).has_value());
        if (const auto measured = io::iperf_from_json(*document))
            told(io::apply_measurement(*nodes, *measured));
    }
    told(io::iperf_from_json(*document));
    return 0;
}
