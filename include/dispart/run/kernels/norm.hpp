#pragma once
/// \file
/// Normalisations: over batches, instances, layers, channels, vectors.

#include "dispart/run/kernels/reduce.hpp"

namespace dispart::kernels {

namespace detail {

/// Mean and (biased) variance of one vector, in double.
struct moments {
    double mean = 0.0, variance = 0.0;
};
template <class T>
[[nodiscard]] moments moments_of(const T* x, std::int64_t count) {
    moments m;
    for (std::int64_t i = 0; i < count; ++i) m.mean += static_cast<double>(x[i]);
    m.mean /= static_cast<double>(count);
    for (std::int64_t i = 0; i < count; ++i) {
        const double gap = static_cast<double>(x[i]) - m.mean;
        m.variance += gap * gap;
    }
    m.variance /= static_cast<double>(count);
    return m;
}

/// Errors: shape_mismatch unless operand i has `count` elements; invalid_model unless it has the first one's type.
[[nodiscard]] inline result<void> need_vector(const call& c, std::size_t i, std::int64_t count) {
    DISPART_CHECK(c.same_type(0, i));
    if (static_cast<std::int64_t>(c.in[i].size()) == count) return {};
    return c.bad_shape("operand " + std::to_string(i) + " of shape " + to_string(c.in[i].dims()) + " for " +
                       std::to_string(count) + " values");
}

/// Statistics of each channel over batch and space: what BatchNormalization uses while training.
template <class T>
void channel_moments(const tensor& x, std::int64_t batch, std::int64_t channels, std::int64_t plane, T* mean,
                     T* variance) {
    const T* from = x.data<T>().data();
    for (std::int64_t ch = 0; ch < channels; ++ch) {
        std::vector<T> all;
        for (std::int64_t n = 0; n < batch; ++n) {
            const T* values = from + (n * channels + ch) * plane;
            all.insert(all.end(), values, values + plane);
        }
        const auto m = moments_of(all.data(), static_cast<std::int64_t>(all.size()));
        mean[ch] = static_cast<T>(m.mean);
        variance[ch] = static_cast<T>(m.variance);
    }
}

/// y = (x - mean) / sqrt(variance + epsilon) * scale + bias, per channel.
template <class T>
void normalise_channels(const call& c, const T* mean, const T* variance, std::int64_t batch,
                        std::int64_t channels, std::int64_t plane, T* y) {
    const T epsilon = static_cast<T>(c.real("epsilon", 1e-5F));
    const T* x = c.in[0].data<T>().data();
    for (std::int64_t n = 0; n < batch; ++n)
        for (std::int64_t ch = 0; ch < channels; ++ch) {
            const T factor = c.in[1].data<T>().data()[ch] / std::sqrt(variance[ch] + epsilon);
            const T offset = c.in[2].data<T>().data()[ch] - mean[ch] * factor;
            const auto start = (n * channels + ch) * plane;
            for (std::int64_t i = start; i < start + plane; ++i) y[i] = x[i] * factor + offset;
        }
}

}  // namespace detail

/// BatchNormalization at inference, and with `training_mode` (opset 14) also the running statistics.
/// Before opset 9 `spatial` = 0 keeps statistics per element.
template <class = void>
[[nodiscard]] outcome batch_normalization_kernel(const call& c) {
    const auto& x = c.in[0];
    if (x.rank() < 1) return c.bad_shape("data is a scalar");
    const bool per_element = c.opset < 9 && c.integer("spatial", 1) == 0;
    const auto batch = x.dims()[0];
    const auto channels = x.rank() == 1 ? 1 : per_element ? extent(x.dims(), 1, x.rank()) : x.dims()[1];
    const auto plane = x.rank() == 1 || per_element ? 1 : extent(x.dims(), 2, x.rank());
    for (std::size_t i = 1; i < 5; ++i) DISPART_CHECK(detail::need_vector(c, i, channels));
    DISPART_TRY(tensor y, c.make(x.type(), x.dims()));
    const bool trains = c.opset >= 14 && c.integer("training_mode", 0) != 0;
    if (trains && y.size() == 0) return c.bad_shape("nothing to train on");
    DISPART_TRY(tensor mean, c.make(x.type(), c.in[3].dims()));
    DISPART_TRY(tensor variance, c.make(x.type(), c.in[4].dims()));
    const bool known = visit_type(floating_types{}, x.type(), [&]<class T>(std::type_identity<T>) {
        if (y.size() == 0) return;
        T* to = y.data<T>().data();
        const T* old_mean = c.in[3].data<T>().data();
        const T* old_variance = c.in[4].data<T>().data();
        if (!trains) return detail::normalise_channels(c, old_mean, old_variance, batch, channels, plane, to);
        T* new_mean = mean.data<T>().data();
        T* new_variance = variance.data<T>().data();
        detail::channel_moments(x, batch, channels, plane, new_mean, new_variance);
        detail::normalise_channels<T>(c, new_mean, new_variance, batch, channels, plane, to);
        const T momentum = static_cast<T>(c.real("momentum", 0.9F));
        for (std::int64_t i = 0; i < channels; ++i) {
            new_mean[i] = old_mean[i] * momentum + new_mean[i] * (T{1} - momentum);
            new_variance[i] = old_variance[i] * momentum + new_variance[i] * (T{1} - momentum);
        }
    });
    if (!known) return c.bad_type(0);
    auto list = one(std::move(y));
    if (trains) {
        list.push_back(std::move(mean));
        list.push_back(std::move(variance));
    }
    return list;
}

/// InstanceNormalization: each plane by its own statistics.
template <class = void>
[[nodiscard]] outcome instance_normalization_kernel(const call& c) {
    const auto& x = c.in[0];
    if (x.rank() < 3) return c.bad_shape("data " + to_string(x.dims()) + " has no spatial axis");
    const auto channels = x.dims()[1];
    for (std::size_t i = 1; i < 3; ++i) DISPART_CHECK(detail::need_vector(c, i, channels));
    DISPART_TRY(tensor y, c.make(x.type(), x.dims()));
    if (y.size() == 0) return one(std::move(y));
    const auto plane = extent(x.dims(), 2, x.rank());
    const auto epsilon = static_cast<double>(c.real("epsilon", 1e-5F));
    const bool known = visit_type(floating_types{}, x.type(), [&]<class T>(std::type_identity<T>) {
        const T* scale = c.in[1].data<T>().data();
        const T* bias = c.in[2].data<T>().data();
        for (std::int64_t i = 0; i < x.dims()[0] * channels; ++i) {
            const T* from = x.data<T>().data() + i * plane;
            T* to = y.data<T>().data() + i * plane;
            const auto m = detail::moments_of(from, plane);
            const double factor = static_cast<double>(scale[i % channels]) / std::sqrt(m.variance + epsilon);
            for (std::int64_t k = 0; k < plane; ++k)
                to[k] = static_cast<T>((static_cast<double>(from[k]) - m.mean) * factor +
                                       static_cast<double>(bias[i % channels]));
        }
    });
    if (!known) return c.bad_type(0);
    return one(std::move(y));
}

/// LayerNormalization over the axes from `axis` on; further results are the mean and the inverse deviation.
template <class = void>
[[nodiscard]] outcome layer_normalization_kernel(const call& c) {
    const auto& x = c.in[0];
    DISPART_TRY(const auto axis, c.axis(-1, x.rank()));
    const auto rows = extent(x.dims(), 0, axis);
    const auto count = extent(x.dims(), axis, x.rank());
    const shape tail(x.dims().begin() + static_cast<std::ptrdiff_t>(axis), x.dims().end());
    tensor scale_and_bias[2];
    for (std::size_t i = 1; i < 3; ++i) {
        if (!c.has(i)) continue;
        DISPART_CHECK(c.same_type(0, i));
        DISPART_TRY(const shape common, broadcast_shape(c, tail, c.in[i].dims()));
        if (common != tail)
            return c.bad_shape("operand " + std::to_string(i) + " does not fit into " + to_string(tail));
        DISPART_TRY(scale_and_bias[i - 1], expanded(c, c.in[i], tail));
    }
    shape kept = x.dims();
    std::fill(kept.begin() + static_cast<std::ptrdiff_t>(axis), kept.end(), 1);
    DISPART_TRY(tensor y, c.make(x.type(), x.dims()));
    DISPART_TRY(tensor mean, c.make_zero(x.type(), kept));
    DISPART_TRY(tensor inverse, c.make_zero(x.type(), kept));
    const auto epsilon = static_cast<double>(c.real("epsilon", 1e-5F));
    const bool known = visit_type(floating_types{}, x.type(), [&]<class T>(std::type_identity<T>) {
        const T* scale = scale_and_bias[0].data<T>().data();
        const T* bias = scale_and_bias[1].has_value() ? scale_and_bias[1].data<T>().data() : nullptr;
        for (std::int64_t r = 0; count > 0 && r < rows; ++r) {
            const T* from = x.data<T>().data() + r * count;
            T* to = y.data<T>().data() + r * count;
            const auto m = detail::moments_of(from, count);
            const double factor = 1.0 / std::sqrt(m.variance + epsilon);
            for (std::int64_t k = 0; k < count; ++k) {
                const T unit = static_cast<T>((static_cast<double>(from[k]) - m.mean) * factor);
                to[k] = unit * scale[k] + (bias != nullptr ? bias[k] : T{0});
            }
            mean.data<T>().data()[r] = static_cast<T>(m.mean);
            inverse.data<T>().data()[r] = static_cast<T>(factor);
        }
    });
    if (!known) return c.bad_type(0);
    auto list = one(std::move(y));
    list.push_back(std::move(mean));
    list.push_back(std::move(inverse));
    return list;
}

/// GroupNormalization: each group of channels by its own statistics; scale and bias per channel, before opset 21 per group.
template <class = void>
[[nodiscard]] outcome group_normalization_kernel(const call& c) {
    const auto& x = c.in[0];
    const auto groups = c.integer("num_groups", 0);
    if (x.rank() < 2 || groups < 1 || x.dims()[1] % groups != 0)
        return c.bad_shape("num_groups " + std::to_string(groups) + " for data " + to_string(x.dims()));
    const auto channels = x.dims()[1];
    for (const std::size_t i : {1U, 2U})
        DISPART_CHECK(detail::need_vector(c, i, c.opset < 21 ? groups : channels));
    DISPART_TRY(tensor y, c.make(x.type(), x.dims()));
    if (y.size() == 0) return one(std::move(y));
    const auto plane = extent(x.dims(), 2, x.rank());
    const auto together = channels / groups;
    const auto epsilon = static_cast<double>(c.real("epsilon", 1e-5F));
    const bool known = visit_type(floating_types{}, x.type(), [&]<class T>(std::type_identity<T>) {
        for (std::int64_t i = 0; i < x.dims()[0] * groups; ++i) {
            const T* from = x.data<T>().data() + i * together * plane;
            T* to = y.data<T>().data() + i * together * plane;
            const auto m = detail::moments_of(from, together * plane);
            const double factor = 1.0 / std::sqrt(m.variance + epsilon);
            for (std::int64_t k = 0; k < together * plane; ++k) {
                const auto which = c.opset < 21 ? i % groups : i % groups * together + k / plane;
                to[k] = static_cast<T>((static_cast<double>(from[k]) - m.mean) * factor *
                                           static_cast<double>(c.in[1].data<T>().data()[which]) +
                                       static_cast<double>(c.in[2].data<T>().data()[which]));
            }
        }
    });
    if (!known) return c.bad_type(0);
    return one(std::move(y));
}

/// RMSNormalization: the axes from `axis` on divided by the root of their mean square, times the scale.
template <class = void>
[[nodiscard]] outcome rms_normalization_kernel(const call& c) {
    const auto& x = c.in[0];
    DISPART_TRY(const auto axis, c.axis(-1, x.rank()));
    DISPART_CHECK(c.same_type(0, 1));
    DISPART_TRY(const shape common, broadcast_shape(c, x.dims(), c.in[1].dims()));
    if (common != x.dims())
        return c.bad_shape("the scale " + to_string(c.in[1].dims()) + " does not fit into " +
                           to_string(x.dims()));
    DISPART_TRY(const tensor scale, expanded(c, c.in[1], x.dims()));
    DISPART_TRY(tensor y, c.make(x.type(), x.dims()));
    const auto rows = extent(x.dims(), 0, axis);
    const auto count = extent(x.dims(), axis, x.rank());
    const auto epsilon = static_cast<double>(c.real("epsilon", 1e-5F));
    const bool known = visit_type(floating_types{}, x.type(), [&]<class T>(std::type_identity<T>) {
        for (std::int64_t r = 0; count > 0 && r < rows; ++r) {
            const T* from = x.data<T>().data() + r * count;
            double squares = 0.0;
            for (std::int64_t k = 0; k < count; ++k)
                squares += static_cast<double>(from[k]) * static_cast<double>(from[k]);
            const double factor = 1.0 / std::sqrt(squares / static_cast<double>(count) + epsilon);
            for (std::int64_t k = 0; k < count; ++k)
                y.data<T>().data()[r * count + k] = static_cast<T>(static_cast<double>(from[k]) * factor) *
                                                    scale.data<T>().data()[r * count + k];
        }
    });
    if (!known) return c.bad_type(0);
    return one(std::move(y));
}

/// LRN: x / (bias + alpha / size * sum of squares over neighbouring channels) ^ beta.
template <class = void>
[[nodiscard]] outcome lrn_kernel(const call& c) {
    const auto& x = c.in[0];
    const auto size = c.integer("size", 0);
    if (x.rank() < 2 || size < 1)
        return c.bad_shape("data " + to_string(x.dims()) + " with size " + std::to_string(size));
    DISPART_TRY(tensor y, c.make(x.type(), x.dims()));
    if (y.size() == 0) return one(std::move(y));
    const auto channels = x.dims()[1];
    const auto plane = extent(x.dims(), 2, x.rank());
    const double alpha = static_cast<double>(c.real("alpha", 1e-4F)) / static_cast<double>(size);
    const auto beta = static_cast<double>(c.real("beta", 0.75F));
    const auto bias = static_cast<double>(c.real("bias", 1.0F));
    const bool known = visit_type(floating_types{}, x.type(), [&]<class T>(std::type_identity<T>) {
        for (std::int64_t n = 0; n < x.dims()[0]; ++n)
            for (std::int64_t ch = 0; ch < channels; ++ch) {
                const auto first = std::max<std::int64_t>(0, ch - (size - 1) / 2);
                const auto last = std::min(channels - 1, ch + std::min(channels, size / 2));
                const T* image = x.data<T>().data() + n * channels * plane;
                for (std::int64_t i = 0; i < plane; ++i) {
                    double squares = 0.0;
                    for (auto k = first; k <= last; ++k) {
                        const auto value = static_cast<double>(image[k * plane + i]);
                        squares += value * value;
                    }
                    const auto value = static_cast<double>(image[ch * plane + i]);
                    y.data<T>().data()[(n * channels + ch) * plane + i] =
                        static_cast<T>(value / std::pow(bias + alpha * squares, beta));
                }
            }
    });
    if (!known) return c.bad_type(0);
    return one(std::move(y));
}

/// LpNormalization: each vector along the axis divided by its 1- or 2-norm.
template <class = void>
[[nodiscard]] outcome lp_normalization_kernel(const call& c) {
    const auto& x = c.in[0];
    DISPART_TRY(const auto axis, c.axis(-1, x.rank()));
    const auto p = c.integer("p", 2);
    if (p != 1 && p != 2) return c.unsupported("p = " + std::to_string(p));
    DISPART_TRY(tensor y, c.make(x.type(), x.dims()));
    if (y.size() == 0) return one(std::move(y));
    const auto split = around(x.dims(), axis);
    const bool known = visit_type(floating_types{}, x.type(), [&]<class T>(std::type_identity<T>) {
        for (std::int64_t o = 0; o < split.outer; ++o)
            for (std::int64_t i = 0; i < split.inner; ++i) {
                const T* from = x.data<T>().data() + o * split.middle * split.inner + i;
                T* to = y.data<T>().data() + o * split.middle * split.inner + i;
                double norm = 0.0;
                for (std::int64_t m = 0; m < split.middle; ++m) {
                    const auto value = static_cast<double>(from[m * split.inner]);
                    norm += p == 1 ? std::abs(value) : value * value;
                }
                if (p == 2) norm = std::sqrt(norm);
                for (std::int64_t m = 0; m < split.middle; ++m)
                    to[m * split.inner] =
                        norm == 0.0 ? T{0} : static_cast<T>(static_cast<double>(from[m * split.inner]) / norm);
            }
    });
    if (!known) return c.bad_type(0);
    return one(std::move(y));
}

/// MeanVarianceNormalization over `axes` (batch and space unless stated).
template <class = void>
[[nodiscard]] outcome mean_variance_normalization_kernel(const call& c) {
    const auto& x = c.in[0];
    detail::reduction_plan plan{std::vector<bool>(x.rank(), false), x.dims(), {}};
    for (const auto axis : c.integers("axes").value_or(std::vector<std::int64_t>{0, 2, 3})) {
        DISPART_TRY(const auto index, c.axis_index(axis, x.rank()));
        plan.reduced[index] = true;
        plan.kept[index] = 1;
    }
    DISPART_TRY(tensor y, c.make(x.type(), x.dims()));
    if (y.size() == 0) return one(std::move(y));
    const auto groups = static_cast<std::size_t>(elements(plan.kept));
    const double count = static_cast<double>(x.size()) / static_cast<double>(groups);
    const auto steps = broadcast_strides(plan.kept, x.dims());
    const bool known = visit_type(floating_types{}, x.type(), [&]<class T>(std::type_identity<T>) {
        std::vector<double> mean(groups, 0.0);
        std::vector<double> deviation(groups, 0.0);
        detail::fold_axes<T>(x, plan, mean.data(),
                             [](double total, T v, std::int64_t) { return total + static_cast<double>(v); });
        for (auto& m : mean) m /= count;
        detail::fold_axes<T>(x, plan, deviation.data(), [&](double total, T v, std::int64_t place) {
            const double gap = static_cast<double>(v) - mean[static_cast<std::size_t>(place)];
            return total + gap * gap;
        });
        for (auto& d : deviation) d = std::sqrt(d / count) + 1e-9;
        const walk<2> both{x.dims(), {dense_strides(x.dims()), steps}};
        for_each_row<2>(both, [&](const auto& offset, std::int64_t n, const auto& step) {
            for (std::int64_t i = 0; i < n; ++i) {
                const auto place = static_cast<std::size_t>(offset[1] + i * step[1]);
                const auto at = offset[0] + i * step[0];
                y.data<T>().data()[at] = static_cast<T>(
                    (static_cast<double>(x.data<T>().data()[at]) - mean[place]) / deviation[place]);
            }
        });
    });
    if (!known) return c.bad_type(0);
    return one(std::move(y));
}

template <class = void>
inline constexpr auto norm_rows = std::to_array<kernel_row>({
    {"BatchNormalization", batch_normalization_kernel<>, 5, 5},
    {"GroupNormalization", group_normalization_kernel<>, 3, 3},
    {"InstanceNormalization", instance_normalization_kernel<>, 3, 3},
    {"LRN", lrn_kernel<>, 1, 1},
    {"LayerNormalization", layer_normalization_kernel<>, 2, 3},
    {"LpNormalization", lp_normalization_kernel<>, 1, 1},
    {"MeanVarianceNormalization", mean_variance_normalization_kernel<>, 1, 1},
    {"RMSNormalization", rms_normalization_kernel<>, 2, 2},
});

}  // namespace dispart::kernels
