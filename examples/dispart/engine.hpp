#pragma once
// The backend behind plain functions, so that its kernels are compiled once.

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/core/units.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/run/concepts.hpp"
#include "dispart/tensor/tensor.hpp"

namespace cli {

// A model loaded on this machine; satisfies `executable`.
class local_executable {
  public:
    using runner = std::function<dispart::result<std::vector<dispart::tensor>>(
        std::span<const dispart::tensor>, const dispart::layer_observer&)>;
    local_executable(runner run, dispart::bytes memory) : run_(std::move(run)), memory_(memory) {}

    dispart::result<std::vector<dispart::tensor>> run(std::span<const dispart::tensor> inputs) {
        return run_(inputs, {});
    }
    dispart::result<std::vector<dispart::tensor>> run(std::span<const dispart::tensor> inputs,
                                                      const dispart::layer_observer& observer) {
        return run_(inputs, observer);
    }
    [[nodiscard]] dispart::bytes memory() const { return memory_; }

  private:
    runner run_;
    dispart::bytes memory_;
};

// The backends that were built in, by name.
std::vector<std::string> backend_names();

// One of them, `slowdown` times slower than this machine; satisfies `backend`.
struct local_backend {
    double slowdown = 1.0;
    std::string chosen = "eigen";

    [[nodiscard]] std::string_view name() const { return chosen; }
    [[nodiscard]] dispart::result<local_executable> load(const dispart::model& m) const;
};

// Evaluates single layers, for constant folding.
dispart::result<std::vector<dispart::tensor>>
evaluate(const dispart::layer& l, std::span<const dispart::tensor> operands, std::int64_t opset);

}  // namespace cli
