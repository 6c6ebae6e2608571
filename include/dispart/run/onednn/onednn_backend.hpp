#pragma once
/// \file
/// The backend over oneDNN (component dispart::onednn): its convolutions and products, our kernels for everything else.

#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "dispart/run/eigen_backend.hpp"
#include "dispart/run/onednn/lower.hpp"

namespace dispart {

namespace onednn {

/// Lowers one layer by oneDNN where it has a fast way, as the Eigen backend does where not.
[[nodiscard]] inline result<void> lower(compiler& c, layer_id l, const std::shared_ptr<context>& on) {
    const auto& op = c.at(l).op;
    if (op == "Conv" || op == "Gemm" || op == "MatMul") {
        DISPART_TRY(const bool checked, eigen::is_as_described(c, l));
        if (checked && eigen::has_one_result(c, c.at(l))) {
            DISPART_TRY(const bool done, op == "Conv"   ? lower_conv(c, l, on)
                                         : op == "Gemm" ? lower_gemm(c, l, on)
                                                        : lower_matmul(c, l, on));
            if (done) return {};
        }
    }
    return eigen::lower<>(c, l);
}

}  // namespace onednn

/// Runs models on this machine's processor by oneDNN 2: f32, channels-last, weights packed when the model is loaded, bias,
/// residual and activation fused as in the Eigen backend. Layers that oneDNN has no fast way for run on our kernels, in one
/// thread. Results are within rounding of the Eigen backend's.
struct onednn_backend {
    int threads = 1;  ///< that oneDNN may use

    [[nodiscard]] static constexpr std::string_view name() noexcept { return "onednn"; }

    /// Errors: those of `eigen_backend::load`; what oneDNN refuses is `unsupported`.
    [[nodiscard]] result<eigen::eigen_executable> load(const model& m) const {
        DISPART_CHECK(validate(m));
        if (threads < 1) return fail(errc::invalid_argument, "threads", "at least one is needed");
        try {
            omp_set_num_threads(threads);
            const auto on = std::make_shared<onednn::context>();
            on->threads = threads;
            DISPART_TRY(auto compiled, eigen::compiler(m).compile([&](eigen::compiler& c, layer_id l) {
                return onednn::lower(c, l, on);
            }));
            return eigen::eigen_executable(std::move(compiled));
        } catch (const dnnl::error& e) {
            return fail(errc::unsupported, info(m).name, std::string("oneDNN: ") + e.what());
        } catch (const std::bad_alloc&) {
            return fail(errc::limit_exceeded, info(m).name, "not enough memory to load the model");
        }
    }
};
static_assert(backend<onednn_backend>);

}  // namespace dispart
