-- As in production: one role owns the database and migrates it, the other may only connect and do what the
-- migrations grant it.
create role chromeos_bff_owner login password 'local-only';

create role chromeos_bff login password 'local-only';

create database chromeos_bff owner chromeos_bff_owner;

revoke all on database chromeos_bff from public;

grant connect on database chromeos_bff to chromeos_bff;
