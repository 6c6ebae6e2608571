#include "dispart/engine.hpp"

#include <memory>
#include <utility>

#include "dispart/run/eigen_backend.hpp"
#include "dispart/run/throttled_backend.hpp"

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

}  // namespace

dispart::result<local_executable> local_backend::load(const dispart::model& m) const {
    if (slowdown == 1.0) {
        DISPART_TRY(auto loaded, dispart::eigen_backend::load(m));
        const auto memory = loaded.memory();
        return erase(std::move(loaded), memory);
    }
    DISPART_TRY(const auto throttled, dispart::throttled_backend<dispart::eigen_backend>::make({}, slowdown));
    DISPART_TRY(auto loaded, throttled.load(m));
    return erase(std::move(loaded), dispart::bytes(0.0));
}

dispart::result<std::vector<dispart::tensor>>
evaluate(const dispart::layer& l, std::span<const dispart::tensor> operands, std::int64_t opset) {
    return dispart::kernels::evaluate_layer(l, operands, opset);
}

}  // namespace cli
