#include "dispart/engine.hpp"

#include <memory>
#include <utility>

#include "dispart/run/eigen_backend.hpp"
#include "dispart/run/throttled_backend.hpp"
#include "dispart/run/xtensor_backend.hpp"

#ifdef DISPART_WITH_ONEDNN
#include "dispart/run/onednn/onednn_backend.hpp"
#endif

namespace cli {

namespace {

template <class Executable>
local_executable erase(Executable loaded, dispart::bytes memory) {
    auto shared = std::make_shared<Executable>(std::move(loaded));
    return {[shared](std::span<const dispart::tensor> inputs, const dispart::layer_observer& observer) {
                return observer ? shared->run(inputs, observer) : shared->run(inputs);
            },
            memory};
}

template <class Backend>
dispart::result<local_executable> load_by(const Backend& on, const dispart::model& m, double slowdown) {
    if (slowdown == 1.0) {
        DISPART_TRY(auto loaded, on.load(m));
        dispart::bytes memory(0.0);
        if constexpr (requires { loaded.memory(); }) memory = loaded.memory();
        return erase(std::move(loaded), memory);
    }
    DISPART_TRY(const auto throttled, dispart::throttled_backend<Backend>::make(on, slowdown));
    DISPART_TRY(auto loaded, throttled.load(m));
    return erase(std::move(loaded), dispart::bytes(0.0));
}

}  // namespace

std::vector<std::string> backend_names() {
    std::vector<std::string> names{"eigen", "xtensor"};
#ifdef DISPART_WITH_ONEDNN
    names.emplace_back("onednn");
#endif
    return names;
}

dispart::result<local_executable> local_backend::load(const dispart::model& m) const {
    if (chosen == "eigen") return load_by(dispart::eigen_backend{}, m, slowdown);
    if (chosen == "xtensor") return load_by(dispart::xtensor_backend{}, m, slowdown);
#ifdef DISPART_WITH_ONEDNN
    if (chosen == "onednn") return load_by(dispart::onednn_backend{}, m, slowdown);
#endif
    std::string known;
    for (const auto& each : backend_names()) known += (known.empty() ? "" : ", ") + each;
    return dispart::fail(dispart::errc::unsupported, chosen, "no backend of this name is here", known);
}

dispart::result<std::vector<dispart::tensor>>
evaluate(const dispart::layer& l, std::span<const dispart::tensor> operands, std::int64_t opset) {
    return dispart::kernels::evaluate_layer(l, operands, opset);
}

}  // namespace cli
