# SPDX-License-Identifier: BSD-2-Clause
# Sources of the IOMMU part, compiled unchanged into the firmware and into the host binary.
IOMMU_SRCS := iommu/iommu.c iommu/dmar.c iommu/dmar_lookup.c iommu/dmar_text.c \
              iommu/vtd_caps.c iommu/vtd_quirk.c iommu/vtd_cmd.c iommu/vtd_vcmd.c iommu/vtd_unit.c iommu/vtd_firmware.c iommu/vtd_inv.c iommu/vtd_batch.c \
              iommu/vtd_qi.c iommu/vtd_qi_ring.c iommu/vtd_qi_error.c iommu/vtd_entry.c iommu/vtd_rebuild.c iommu/vtd_dev.c iommu/vtd_pasid.c iommu/vtd_retire.c iommu/vtd_flush.c \
              iommu/vtd_fault.c iommu/vtd_event.c iommu/vtd_irte.c iommu/vtd_intr.c iommu/iommu_intr.c \
              iommu/vtd_prq.c iommu/vtd_prq_group.c iommu/vtd_prq_pager.c iommu/vtd_drain.c iommu/iommu_ats.c iommu/pci_ats.c \
              iommu/pgtable.c iommu/ioasid.c iommu/ioasid_free.c iommu/ioasid_number.c iommu/ioasid_core.c iommu/ioasid_set.c \
              iommu/ioasid_custom.c iommu/ioasid_data.c iommu/ioasid_spid.c iommu/ioasid_audit.c iommu/ioasid_turn.c iommu/notifier.c \
              iommu/svm.c iommu/svm_space.c iommu/svm_resume.c iommu/iommu_audit.c iommu/iommu_power.c iommu/iommu_rmrr.c iommu/iommu_sidp.c iommu/iommu_vcmd.c
