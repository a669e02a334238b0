/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/statistics/figures.h"

#include "protocol/base/bytes.h"

#define GAUGE(key, metric, unit, help)                                                             \
	{                                                                                          \
		key, metric, FIGURE_GAUGE, unit, help                                              \
	}
#define COUNTER(key, metric, unit, help)                                                           \
	{                                                                                          \
		key, metric, FIGURE_COUNTER, unit, help                                            \
	}

/* clang-format off: one line a figure */
static const struct figure of_vm[] = {
	[VM_TIME] = COUNTER("Time", NULL, FIGURE_NANOSECONDS, ""),
	[VM_PROCESSORS] =
		GAUGE("Processors", "lodge_vm_processors", FIGURE_NUMBER, "Virtual processors."),
	[VM_CPU_TIME] =
		COUNTER("CpuTime", "lodge_vm_cpu_seconds_total", FIGURE_NANOSECONDS,
			"Processor time of the host that the VM used, its devices included."),
	[VM_MEMORY_MAXIMUM] = GAUGE("MemoryMaximum", "lodge_vm_memory_maximum_bytes", FIGURE_BYTES,
				    "Memory that the VM can have at most."),
	[VM_MEMORY_MINIMUM] = GAUGE("MemoryMinimum", "lodge_vm_memory_minimum_bytes", FIGURE_BYTES,
				    "Memory that it is guaranteed."),
	[VM_MEMORY_TARGET] = GAUGE("MemoryTarget", "lodge_vm_memory_target_bytes", FIGURE_BYTES,
				   "Memory that it is to have."),
	[VM_MEMORY_ACTUAL] = GAUGE("MemoryActual", "lodge_vm_memory_actual_bytes", FIGURE_BYTES,
				   "Memory that the guest has: the maximum less its balloon."),
	[VM_MEMORY_RESIDENT] = GAUGE("MemoryResident", "lodge_vm_memory_resident_bytes",
				     FIGURE_BYTES, "Memory that the host holds for it."),
	[VM_MEMORY_AVAILABLE] =
		GAUGE("MemoryAvailable", "lodge_vm_memory_available_bytes", FIGURE_BYTES,
		      "Memory that the guest says it could use without swapping."),
	[VM_MEMORY_CACHE] = GAUGE("MemoryCache", "lodge_vm_memory_cache_bytes", FIGURE_BYTES,
				  "Memory that the guest says holds copies of files."),
	[VM_MEMORY_WORKING_SET] = GAUGE("MemoryWorkingSet", "lodge_vm_memory_working_set_bytes",
					FIGURE_BYTES, "Memory that the guest is at work with."),
	[VM_MEMORY_STALL_TIME] = COUNTER(
		"MemoryStallTime", "lodge_vm_memory_stall_seconds_total", FIGURE_NANOSECONDS,
		"Time in which some of the guest's tasks waited for memory (PSI)."),
	[VM_OOM_KILLS] =
		COUNTER("OutOfMemoryKills", "lodge_vm_out_of_memory_kills_total", FIGURE_NUMBER,
			"Processes that the guest killed because it was out of memory."),
	[VM_DISK_READ_BYTES] = COUNTER("DiskReadBytes", "lodge_vm_disk_read_bytes_total",
				       FIGURE_BYTES, "Bytes that the guest read from its disks."),
	[VM_DISK_WRITTEN_BYTES] = COUNTER("DiskWrittenBytes", "lodge_vm_disk_written_bytes_total",
					  FIGURE_BYTES, "Bytes that the guest wrote to its disks."),
	[VM_DISK_READS] = COUNTER("DiskReads", "lodge_vm_disk_reads_total", FIGURE_NUMBER,
				  "Requests to read from disks."),
	[VM_DISK_WRITES] = COUNTER("DiskWrites", "lodge_vm_disk_writes_total", FIGURE_NUMBER,
				   "Requests to write to disks."),
	[VM_NETWORK_RECEIVED_BYTES] =
		COUNTER("NetworkReceivedBytes", "lodge_vm_network_received_bytes_total",
			FIGURE_BYTES, "Bytes that the guest received."),
	[VM_NETWORK_SENT_BYTES] = COUNTER("NetworkSentBytes", "lodge_vm_network_sent_bytes_total",
					  FIGURE_BYTES, "Bytes that the guest sent."),
	[VM_NETWORK_RECEIVED_PACKETS] =
		COUNTER("NetworkReceivedPackets", "lodge_vm_network_received_packets_total",
			FIGURE_NUMBER, "Packets that the guest received."),
	[VM_NETWORK_SENT_PACKETS] =
		COUNTER("NetworkSentPackets", "lodge_vm_network_sent_packets_total", FIGURE_NUMBER,
			"Packets that the guest sent."),
};

static const struct figure of_host[] = {
	[HOST_TIME] = COUNTER("Time", NULL, FIGURE_NANOSECONDS, ""),
	[HOST_PROCESSORS] = GAUGE("Processors", "lodge_host_processors", FIGURE_NUMBER,
				  "Processors of the host that are online."),
	[HOST_CPU_TIME] = COUNTER("CpuTime", "lodge_host_cpu_seconds_total", FIGURE_NANOSECONDS,
				  "Time in which processors of the host were busy."),
	[HOST_MEMORY_TOTAL] = GAUGE("MemoryTotal", "lodge_host_memory_total_bytes", FIGURE_BYTES,
				    "Memory of the host."),
	[HOST_MEMORY_AVAILABLE] =
		GAUGE("MemoryAvailable", "lodge_host_memory_available_bytes", FIGURE_BYTES,
		      "Memory of the host that could be used without swapping."),
	[HOST_MEMORY_STALL_TIME] = COUNTER(
		"MemoryStallTime", "lodge_host_memory_stall_seconds_total", FIGURE_NANOSECONDS,
		"Time in which some of the host's tasks waited for memory (PSI)."),
	[HOST_SWAP_TOTAL] = GAUGE("SwapTotal", "lodge_host_swap_total_bytes", FIGURE_BYTES,
				  "Swap space of the host."),
	[HOST_SWAP_USED] = GAUGE("SwapUsed", "lodge_host_swap_used_bytes", FIGURE_BYTES,
				 "Swap space of the host that is used."),
};
/* clang-format on */

_Static_assert(ARRAY_SIZE(of_vm) == VM_FIGURES && VM_FIGURES <= FIGURES_MAX, "one line a figure");
_Static_assert(ARRAY_SIZE(of_host) == HOST_FIGURES, "one line a figure");

const struct figure_table vm_figure_table = {of_vm, VM_FIGURES};
const struct figure_table host_figure_table = {of_host, HOST_FIGURES};
