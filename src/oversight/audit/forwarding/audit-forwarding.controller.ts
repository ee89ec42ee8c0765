import { Controller, Get } from '@nestjs/common';
import { PlatformAdminsOnly } from '../../../platform/http/route-metadata.js';
import { AuditForwardingView } from './audit-forwarding.view.js';
import { ForwardingStatus } from './forwarding-status.js';

@Controller('v1/platform/audit-forwarding')
export class AuditForwardingController {
  constructor(private readonly status: ForwardingStatus) {}

  /** How far the audit log has been forwarded, and why it waits if it does. */
  @Get()
  @PlatformAdminsOnly('forwarding concerns the installation, not a team')
  view(): Promise<AuditForwardingView> {
    return this.status.view();
  }
}
