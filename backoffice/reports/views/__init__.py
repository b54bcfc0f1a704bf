"""The pages of reports: the dashboard, the radar, standing reports and exports."""
