#pragma once
/// \file
/// Losses over classes: NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss.

#include <cmath>

#include "dispart/run/kernels/indexing.hpp"

namespace dispart::kernels {

namespace detail {

/// Data [N, C, D...] as batch × classes × points, with a class for each of the batch × points places.
struct labelled {
    std::int64_t batch = 0, classes = 0, points = 1;
    std::vector<std::int64_t> label{};  ///< -1 where ignored
};

/// Errors: shape_mismatch (operands that do not fit, a label outside), unsupported (types).
template <class = void>
[[nodiscard]] result<labelled> read_labels(const call& c) {
    const auto& x = c.in[0].dims();
    shape expected = x;
    if (x.size() >= 2) expected.erase(expected.begin() + 1);
    if (x.size() < 2 || c.in[1].dims() != expected)
        return c.bad_shape("data " + to_string(x) + " with labels " + to_string(c.in[1].dims()));
    labelled all{x[0], x[1], extent(x, 2, x.size()), {}};
    if (c.in[1].type() != dtype::i64 && c.in[1].type() != dtype::i32) return c.bad_type(1);
    all.label = values_as<std::int64_t>(c.in[1]);
    DISPART_CHECK(c.same_type(0, 2));
    DISPART_CHECK(c.need_shape(2, {all.classes}));
    const auto ignored = c.integers("ignore_index");
    for (auto& label : all.label) {
        if (ignored && !ignored->empty() && label == ignored->front()) label = -1;
        else if (label < 0 || label >= all.classes)
            return c.bad_shape("label " + std::to_string(label) + " of " + std::to_string(all.classes));
    }
    return all;
}

/// The losses -log p(label) × weight, reduced as the attribute `reduction` says.
template <class T>
[[nodiscard]] result<tensor> reduced_loss(const call& c, const labelled& all, const T* log_probability) {
    const auto reduction = c.text("reduction", "mean");
    if (reduction != "mean" && reduction != "sum" && reduction != "none")
        return c.unsupported("reduction '" + reduction + "'");
    const T* weight = c.has(2) ? c.in[2].data<T>().data() : nullptr;
    DISPART_TRY(tensor each, c.make_zero(c.in[0].type(), c.in[1].dims()));
    double total = 0.0;
    double weights = 0.0;
    for (std::size_t i = 0; i < all.label.size(); ++i) {
        if (all.label[i] < 0) continue;
        const auto place = static_cast<std::int64_t>(i);
        const auto at = (place / all.points * all.classes + all.label[i]) * all.points + place % all.points;
        const double w = weight == nullptr ? 1.0 : static_cast<double>(weight[all.label[i]]);
        const double loss = -static_cast<double>(log_probability[at]) * w;
        each.data<T>()[i] = static_cast<T>(loss);
        total += loss;
        weights += w;
    }
    if (reduction == "none") return each;
    return tensor::of<T>({}, std::vector<T>{static_cast<T>(reduction == "sum" ? total : total / weights)});
}

/// log(softmax) along the second axis.
template <class T>
void log_softmax_over_classes(const labelled& all, const T* x, T* y) {
    for (std::int64_t n = 0; n < all.batch; ++n)
        for (std::int64_t p = 0; p < all.points; ++p) {
            const auto at = [&](std::int64_t k) { return (n * all.classes + k) * all.points + p; };
            double top = static_cast<double>(x[at(0)]);
            for (std::int64_t k = 1; k < all.classes; ++k) top = std::max(top, static_cast<double>(x[at(k)]));
            double sum = 0.0;
            for (std::int64_t k = 0; k < all.classes; ++k)
                sum += std::exp(static_cast<double>(x[at(k)]) - top);
            for (std::int64_t k = 0; k < all.classes; ++k)
                y[at(k)] = static_cast<T>(static_cast<double>(x[at(k)]) - top - std::log(sum));
        }
}

}  // namespace detail

/// NegativeLogLikelihoodLoss of log-probabilities [N, C, D...] at labels [N, D...].
template <class = void>
[[nodiscard]] outcome negative_log_likelihood_kernel(const call& c) {
    DISPART_TRY(const auto all, detail::read_labels(c));
    outcome made = c.bad_type(0);
    visit_type(floating_types{}, c.in[0].type(), [&]<class T>(std::type_identity<T>) {
        auto loss = detail::reduced_loss<T>(c, all, c.in[0].data<T>().data());
        made = loss ? outcome(one(std::move(*loss))) : outcome(tl::unexpected(loss.error()));
    });
    return made;
}

/// SoftmaxCrossEntropyLoss of scores [N, C, D...]; the second result is the log-probabilities.
template <class = void>
[[nodiscard]] outcome softmax_cross_entropy_kernel(const call& c) {
    DISPART_TRY(const auto all, detail::read_labels(c));
    DISPART_TRY(tensor logs, c.make(c.in[0].type(), c.in[0].dims()));
    outcome made = c.bad_type(0);
    visit_type(floating_types{}, c.in[0].type(), [&]<class T>(std::type_identity<T>) {
        if (all.classes > 0)
            detail::log_softmax_over_classes(all, c.in[0].data<T>().data(), logs.data<T>().data());
        auto loss = detail::reduced_loss<T>(c, all, logs.data<T>().data());
        made = loss ? outcome(one(std::move(*loss))) : outcome(tl::unexpected(loss.error()));
        if (made) made->push_back(std::move(logs));
    });
    return made;
}

template <class = void>
inline constexpr auto loss_rows = std::to_array<kernel_row>({
    {"NegativeLogLikelihoodLoss", negative_log_likelihood_kernel<>, 2, 3},
    {"SoftmaxCrossEntropyLoss", softmax_cross_entropy_kernel<>, 2, 3},
});

}  // namespace dispart::kernels
